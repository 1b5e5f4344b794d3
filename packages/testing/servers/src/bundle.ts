import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bundle } from "../../../../scripts/bundle.mjs";
import { repositoryRoot } from "./servers.ts";

/** A bundled program. */
export interface Bundle {
  readonly file: string;
  remove(): Promise<void>;
}

const run = promisify(execFile);

/** Builds what the image contains, in a folder of its own. */
export async function bundlePayouts(): Promise<Bundle> {
  const folder = temporaryFolder();
  const cwd = path.join(repositoryRoot, "apps", "cli");
  await run(process.execPath, ["../../scripts/build.mjs", folder], { cwd });
  return bundleIn(folder, "payouts");
}

/** Bundles a program of the tests, which then starts three times as fast as from its sources. */
export async function bundleProgram(source: URL): Promise<Bundle> {
  const folder = temporaryFolder();
  await bundle({ entry: fileURLToPath(source), folder, name: "program" });
  return bundleIn(folder, "program");
}

function temporaryFolder(): string {
  return path.join(tmpdir(), `payouts-bundle-${randomUUID()}`);
}

function bundleIn(folder: string, name: string): Bundle {
  return { file: path.join(folder, `${name}.mjs`), remove: () => rm(folder, { recursive: true, force: true }) };
}
