// The bundle that `payouts` runs in a checkout, where starting from the TypeScript sources costs two seconds of CPU time. It is
// built again when a file that went into it has changed. Built-in modules only until something has to be built.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "apps/cli/dist/checkout");
const STAMP = "stamp.json";
const ENTRY = "apps/cli/src/main.ts";
/** Files that decide how the bundle is built and how packages are resolved; esbuild does not list them as inputs. */
const BUILD_FILES = ["scripts/bundle.mjs", "scripts/checkout-bundle.mjs", "package.json", "package-lock.json"];
/** How long a build stays after a later one replaced it: a process that started from it may still load chunks of it. */
const KEPT_MS = 86_400_000;

/**
 * Finds the bundle of the present sources, and builds it if there is none.
 *
 * @returns the URL of the program, to be imported
 * @throws Error with a `code` such as EACCES when the folder cannot be written
 */
export async function checkoutBundle() {
  const stamp = readStamp();
  if (stamp?.inputs.every(isUnchanged)) return urlOf(stamp.build);
  if (process.stderr.isTTY) process.stderr.write("payouts: the sources have changed, bundling them ...\n");
  return urlOf(await build(stamp?.build));
}

function urlOf(build) {
  return pathToFileURL(join(folder, build, "payouts.mjs")).href;
}

function readStamp() {
  try {
    const stamp = JSON.parse(readFileSync(join(folder, STAMP), "utf8"));
    statSync(join(folder, stamp.build, "payouts.mjs"));
    return stamp;
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Compares for equality, not for age: `git checkout` and `tar` may put an older file in place of a newer one. The time of the
 * last change of the inode cannot be set by a program, so it also notices files whose modification time was put back.
 */
function isUnchanged([file, size, modifiedMs, changedMs]) {
  const now = statOf(file);
  return now !== undefined && now.size === size && now.mtimeMs === modifiedMs && now.ctimeMs === changedMs;
}

function statOf(file) {
  return statSync(join(root, file), { throwIfNoEntry: false });
}

/**
 * Builds are named after a digest of their content. Commands that start at the same time after a change therefore need no lock:
 * each of them builds, and all of them arrive at the same build.
 */
async function build(replaced) {
  const begunMs = Date.now();
  const half = newName();
  mkdirSync(folder, { recursive: true });
  const { compile, digestOf, writeFiles } = await import("./bundle.mjs");
  const { files, inputs } = await compile({ entry: join(root, ENTRY), folder, name: "payouts", sourcemap: false });
  const build = digestOf(files);
  writeFiles(files, join(folder, half));
  complete(half, build);
  // A file that was edited meanwhile may have been read before or after the edit. This bundle is therefore used only once.
  const times = timesOf([...inputs, ...manifestsOf(inputs), ...BUILD_FILES]);
  if (times.every(([, , , changedMs]) => changedMs < begunMs)) storeStamp({ build, inputs: times });
  removeOld([build, replaced]);
  return build;
}

/** A name for a file or folder that is not complete. It is renamed when it is, so that no other process finds half of it. */
function newName() {
  return `half-${process.pid}-${process.hrtime.bigint()}`;
}

/** Gives a complete build its name, unless another process has made the same one. */
function complete(half, build) {
  try {
    renameSync(join(folder, half), join(folder, build));
  } catch (error) {
    if (!existsSync(join(folder, build))) throw error;
    rmSync(join(folder, half), { recursive: true });
  }
}

function timesOf(files) {
  return [...new Set(files)].map((file) => {
    const { size, mtimeMs, ctimeMs } = statOf(file) ?? { size: -1, mtimeMs: 0, ctimeMs: 0 };
    return [file, size, mtimeMs, ctimeMs];
  });
}

/** `exports` and `sideEffects` in the manifests of the workspaces decide what is bundled. */
function manifestsOf(files) {
  const workspaces = files.map((file) => /^(.*?)\/src\//.exec(file)?.[1]).filter(Boolean);
  return [...new Set(workspaces)].map((workspace) => `${workspace}/package.json`).filter((file) => statOf(file));
}

function storeStamp(stamp) {
  const half = join(folder, newName());
  writeFileSync(half, JSON.stringify(stamp));
  renameSync(half, join(folder, STAMP));
}

/** Removes what has not been used for a day: builds, and what commands that were killed have left. */
function removeOld(used) {
  for (const name of readdirSync(folder)) {
    try {
      if (used.includes(name)) markUsed(name);
      else if (isOld(name)) remove(name);
    } catch {
      // Another command has removed it, or it belongs to another user. This build is complete in any case.
    }
  }
}

function markUsed(name) {
  const now = new Date();
  utimesSync(join(folder, name), now, now);
}

function isOld(name) {
  return name !== STAMP && statSync(join(folder, name)).mtimeMs < Date.now() - KEPT_MS;
}

/** Renames it first, so that no build with files missing keeps its name when the process is killed. */
function remove(name) {
  const half = join(folder, newName());
  renameSync(join(folder, name), half);
  rmSync(half, { recursive: true });
}
