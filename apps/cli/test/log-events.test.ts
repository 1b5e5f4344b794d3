import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const EVENT = "[a-z]+(?:-[a-z]+)*\\.[a-z]+(?:-[a-z]+)*";

/** The events of the calls `log.info({ ... }, "event")` in the sources of all packages and apps. */
function loggedEvents(): string[] {
  const calls = sources().flatMap((file) => [
    ...readFileSync(file, "utf8").matchAll(/\blog\.(?:debug|info|warn|error)\(.*?\)[;,]?$/gms),
  ]);
  return distinct(calls.flatMap(([call]) => [...call.matchAll(new RegExp(`"(${EVENT})"`, "g"))]));
}

function sources(): string[] {
  const packages = ["apps", "packages"].flatMap((parent) =>
    readdirSync(`${root}/${parent}`).map((name) => `${root}/${parent}/${name}/src`),
  );
  return packages.filter(existsSync).flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !/\.test\.ts$|^testing\//.test(file))
      .map((file) => `${folder}/${file}`),
  );
}

/** The events that docs/operations.md names in "Logs". */
function documentedEvents(): string[] {
  const [, logs = ""] = /\n### Logs\n(.*?)\n### /s.exec(readFileSync(`${root}/docs/operations.md`, "utf8")) ?? [];
  return distinct([...logs.matchAll(new RegExp(`\`(${EVENT})\``, "g"))]);
}

function distinct(matches: readonly RegExpMatchArray[]): string[] {
  return [...new Set(matches.map(([, event = ""]) => event))].sort();
}

it("docs/operations.md names exactly the events that the product logs", () => {
  expect(loggedEvents()).toEqual(expect.arrayContaining(["run.opened", "alert.dropped", "request.failed"]));
  expect(documentedEvents()).toEqual(loggedEvents());
});
