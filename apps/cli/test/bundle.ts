import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { repositoryRoot } from "@cpa-payouts/testing";
import { bundle } from "../../../scripts/bundle.mjs";

/** A program in one file, which starts three times as fast as its sources do. */
export interface Bundle {
  readonly file: string;
  remove(): Promise<void>;
}

const run = promisify(execFile);

/** Builds the bundle of the image in a folder of its own, since several test files build one at the same time. */
export async function bundlePayouts(): Promise<Bundle> {
  const folder = temporaryFolder();
  const cwd = path.join(repositoryRoot, "apps", "cli");
  await run(process.execPath, ["../../scripts/build.mjs", folder], { cwd });
  return bundleIn(folder);
}

/** Bundles a program of the tests, which is given by its source file. */
export async function bundleProgram(source: URL): Promise<Bundle> {
  const built = bundleIn(temporaryFolder());
  await bundle(fileURLToPath(source), built.file);
  return built;
}

function temporaryFolder(): string {
  return path.join(tmpdir(), `payouts-bundle-${randomUUID()}`);
}

function bundleIn(folder: string): Bundle {
  return { file: path.join(folder, "payouts.mjs"), remove: () => rm(folder, { recursive: true }) };
}
