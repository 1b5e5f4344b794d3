// The bundle that `payouts` runs in a checkout, where starting from the TypeScript sources costs two seconds of CPU time. It is
// built again when a file that went into it has changed. Built-in modules only until something has to be built.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "apps/cli/dist/checkout");
const stampFile = join(folder, "stamp.json");
const ENTRY = "apps/cli/src/main.ts";
/** Files that decide how the bundle is built and how packages are resolved; esbuild does not list them as inputs. */
const BUILD_FILES = ["scripts/bundle.mjs", "scripts/checkout-bundle.mjs", "package.json", "package-lock.json"];
/** The number of builds to keep: a process that started from an older build may still load chunks of it. */
const KEPT_BUILDS = 10;

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
  return urlOf(await build());
}

function urlOf(build) {
  return pathToFileURL(join(folder, build, "payouts.mjs")).href;
}

function readStamp() {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, "utf8"));
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

async function build() {
  const begunMs = Date.now();
  const build = `${begunMs.toString(36)}-${process.pid}`;
  mkdirSync(folder, { recursive: true });
  const { bundle } = await import("./bundle.mjs");
  const metafile = await bundle({
    entry: join(root, ENTRY),
    folder: join(folder, build),
    name: "payouts",
    sourcemap: false,
  });
  const read = Object.keys(metafile.inputs).map((file) => relative(root, resolve(file)));
  const inputs = [...new Set([...read, ...manifestsOf(read), ...BUILD_FILES])].map((file) => {
    const { size, mtimeMs, ctimeMs } = statOf(file) ?? { size: -1, mtimeMs: 0, ctimeMs: 0 };
    return [file, size, mtimeMs, ctimeMs];
  });
  // A file that was edited meanwhile may have been read before or after the edit. This bundle is therefore used only once.
  if (inputs.every(([, , , changedMs]) => changedMs < begunMs)) storeStamp({ build, inputs });
  removeOldBuilds();
  return build;
}

/** `exports` and `sideEffects` in the manifests of the workspaces decide what is bundled. */
function manifestsOf(files) {
  const workspaces = files.map((file) => /^(.*?)\/src\//.exec(file)?.[1]).filter(Boolean);
  return [...new Set(workspaces)].map((workspace) => `${workspace}/package.json`).filter((file) => statOf(file));
}

/** Replaces the stamp by a rename, so that a command that starts at the same time never reads half of it. */
function storeStamp(stamp) {
  const half = `${stampFile}.${process.pid}`;
  writeFileSync(half, JSON.stringify(stamp));
  renameSync(half, stampFile);
}

/** The names of builds begin with the time in base 36, so that they sort by age. */
function removeOldBuilds() {
  const builds = readdirSync(folder).filter((name) => /^[0-9a-z]+-\d+$/.test(name));
  for (const name of builds.sort().slice(0, -KEPT_BUILDS)) rmSync(join(folder, name), { recursive: true, force: true });
}
