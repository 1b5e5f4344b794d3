import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { startPayouts } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const run = promisify(execFile);
const repository = join(import.meta.dirname, "..");
const DAY_MS = 86_400_000;

// A small checkout: the real launcher and scripts, and a program of two modules and a package.
let checkout: string;
let launcher: string;
let builds: string;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), "checkout-"));
  chmodSync(checkout, 0o755);
  launcher = join(checkout, "apps/cli/bin/payouts.mjs");
  builds = join(checkout, "apps/cli/dist/checkout");
  for (const file of ["apps/cli/bin/payouts.mjs", "scripts/bundle.mjs", "scripts/checkout-bundle.mjs"])
    cpSync(join(repository, file), join(checkout, file));
  write("package.json", '{ "type": "module" }');
  write("package-lock.json", "{}");
  write("node_modules/greeting/package.json", '{ "type": "module", "exports": "./dist/one.js" }');
  write("node_modules/greeting/dist/one.js", 'export const greeting = "one";');
  write("node_modules/greeting/dist/two.js", 'export const greeting = "two";');
  for (const name of ["esbuild", "tsx"])
    symlinkSync(join(repository, "node_modules", name), join(checkout, "node_modules", name));
  write("apps/cli/src/later.ts", 'export const later = "later";');
  change("first");
});

afterEach(() => rmSync(checkout, { recursive: true, force: true }));

function write(file: string, text: string) {
  mkdirSync(dirname(join(checkout, file)), { recursive: true });
  writeFileSync(join(checkout, file), text);
}

/** Changes the program, which then prints another text, and what it was started from. With --wait it lasts until SIGTERM. */
function change(text: string) {
  write(
    "apps/cli/src/main.ts",
    `import { once } from "node:events";
    import { greeting } from "greeting";
    if (process.argv.includes("--wait")) {
      const timer = setInterval(() => {}, 1000);
      const signal = once(process, "SIGTERM");
      process.stderr.write("waiting");
      await signal;
      clearInterval(timer);
    }
    const { later } = await import("./later.ts");
    console.log("${text}", later, greeting, import.meta.url.endsWith(".ts") ? "sources" : "bundle");`,
  );
}

/** Runs the command to its end. */
async function payouts(options: { uid?: number; gid?: number; cwd?: string } = {}) {
  const { stdout, stderr } = await run(process.execPath, [launcher], options);
  return stdout + stderr;
}

/** The folders of builds, without the record of which of them is the present one. */
const buildFolders = () => readdirSync(builds).filter((name) => !name.endsWith(".json"));

function makeOld(name: string) {
  const longAgo = (Date.now() - 2 * DAY_MS) / 1000;
  utimesSync(join(builds, name), longAgo, longAgo);
}

describe("the bundle of a checkout at the same time as others", () => {
  test("many commands that start at once after a change of the sources all run the changed program", async () => {
    await payouts();
    change("second");
    const commands = Array.from({ length: 24 }, () => startPayouts(["--wait"], {}, [launcher]));
    await Promise.all(commands.map((command) => command.untilSays("waiting")));
    expect(new Set(await Promise.all(commands.map((command) => command.stop())))).toEqual(new Set([0]));
    const outputs = new Set(commands.map((command) => command.stdout()));
    expect(outputs).toEqual(new Set(["second later one bundle\n"]));
    expect(buildFolders()).toHaveLength(2);
  });

  test("commands from different folders make the same build, which exists once", async () => {
    await payouts({ cwd: checkout });
    const [build] = buildFolders();
    change("first");
    await payouts({ cwd: tmpdir() });
    expect(buildFolders()).toEqual([build]);
  });

  test("a program that is running loads the rest of itself after many later builds", async () => {
    const program = startPayouts(["--wait"], {}, [launcher]);
    await program.untilSays("waiting");
    for (let i = 0; i < 11; i++) {
      change(`change ${i}`);
      expect(await payouts()).toBe(`change ${i} later one bundle\n`);
    }
    expect(await program.stop()).toBe(0);
    expect(program.stdout()).toBe("first later one bundle\n");
  });

  test("a build is removed a day after a later one replaced it, with what killed commands have left", async () => {
    await payouts();
    const [first = ""] = buildFolders();
    makeOld(first);
    change("second");
    await payouts();
    expect(buildFolders()).toContain(first);
    makeOld(first);
    mkdirSync(join(builds, "left-behind"));
    makeOld("left-behind");
    change("third");
    await payouts();
    expect(buildFolders()).toHaveLength(2);
    expect(existsSync(join(builds, first))).toBe(false);
  });
});
