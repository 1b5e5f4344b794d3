import { readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { testDatabase } from "@cpa-payouts/db/testing";
import { startPayouts } from "@cpa-payouts/testing-servers";
import { describe, expect, it } from "vitest";

const launcher = fileURLToPath(new URL("../bin/payouts.mjs", import.meta.url));
const logger = new URL("./log-loaded-files.mjs", import.meta.url);
const KB = 1_000;

/** Runs a command and measures the files that it loads, whose size decides how much CPU time a start costs. */
async function loadedBy(args: readonly string[], env: Record<string, string> = {}) {
  const log = path.join(tmpdir(), `loaded-${args.join("-")}`);
  const command = startPayouts(args, { ...env, LOADED_FILES_LOG: log }, ["--import", logger.href, launcher]);
  const code = await command.ended();
  const files = new Set(readFileSync(log, "utf8").split("\n").filter(Boolean));
  await rm(log);
  const bytes = [...files].reduce((sum, url) => sum + statSync(fileURLToPath(url)).size, 0);
  return { code, stderr: command.stderr(), bytes, files: [...files] };
}

/** Goal: the command starts at once, and does not become slower unnoticed. 100 KB cost about 4 ms of CPU time. */
describe("start of the payouts command", () => {
  it("--help loads the command table and no command", async () => {
    const { code, bytes, files } = await loadedBy(["--help"]);
    expect(code).toBe(0);
    expect(bytes).toBeLessThan(300 * KB);
    expect(files.length).toBeLessThan(15);
  });

  it("a command that reads the database loads neither the queues nor the API", async () => {
    const database = await testDatabase();
    const { code, stderr, bytes, files } = await loadedBy(["runs"], { DATABASE_URL: database.url });
    await database.close();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(bytes).toBeLessThan(2_600 * KB);
    expect(files.length).toBeLessThan(40);
  });

  it("commands run from a bundle of the present sources, and no source is compiled at the start", async () => {
    const { files } = await loadedBy(["--help"]);
    expect(files.filter((url) => url.endsWith(".ts"))).toEqual([]);
    expect(files.filter((url) => /\/dist\/checkout\/[^/]+\/payouts\.mjs$/.test(url))).toHaveLength(1);
  });
});
