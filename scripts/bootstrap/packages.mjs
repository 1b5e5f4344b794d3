// Installs the packages when node_modules does not match package-lock.json.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "./lock.mjs";
import { BootstrapError, run, say, secondsSince } from "./process.mjs";

/**
 * Installs the packages unless they are current. With NODE_ENV=production nothing is installed.
 * @throws BootstrapError when npm fails, or when packages are missing in production
 */
export async function ensurePackages(root) {
  const state = packagesState(root);
  if (state === "current") return;
  if (state === "installed by hand") return writeStamp(root);
  if (process.env.NODE_ENV === "production") return refuseInProduction(state);
  await withLock(root, async (lock) => {
    // The previous holder of the lock may have installed them.
    if (packagesState(root) !== "current") await install(root, state, lock);
  });
}

function packagesState(root) {
  if (!existsSync(join(root, "node_modules"))) return "missing";
  const stamp = stampFile(root);
  if (existsSync(stamp)) return readFileSync(stamp, "utf8") === fingerprint(root) ? "current" : "out of date";
  return matchesLockFile(root) ? "installed by hand" : "out of date";
}

/** An image is built once, from the lock file; its processes must not change it. */
function refuseInProduction(state) {
  if (state === "missing") {
    throw new BootstrapError("packages are missing, and nothing is installed while NODE_ENV=production: run `npm ci`.");
  }
  say("packages are out of date, and nothing is installed while NODE_ENV=production; using the installed ones.");
}

/** The fields of package.json that affect `npm ci`; an edited script needs no new install. */
const MANIFEST_FIELDS = [
  "name",
  "bin",
  "workspaces",
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
  "overrides",
  "allowScripts",
];

/** A hash that changes whenever `npm ci` would install something else. */
function fingerprint(root) {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", ".npmrc"].map((name) => join(root, name))) {
    hash.update(existsSync(file) ? readFileSync(file) : "none");
  }
  for (const file of ["package.json", ...workspaceManifests(root)]) {
    const manifest = readJson(join(root, file));
    hash.update(JSON.stringify([file, ...MANIFEST_FIELDS.map((field) => manifest[field])]));
  }
  return hash.update(`${process.version.split(".")[0]} ${process.platform} ${process.arch}`).digest("hex");
}

function workspaceManifests(root) {
  return readJson(join(root, "package.json"))
    .workspaces.flatMap((pattern) => foldersOf(root, pattern))
    .map((folder) => `${folder}/package.json`)
    .filter((manifest) => existsSync(join(root, manifest)))
    .sort();
}

/** The folders of a workspace pattern: the folder that it names or, with `/*` at the end, those in that folder. */
function foldersOf(root, pattern) {
  if (!pattern.endsWith("/*")) return [pattern];
  const parent = pattern.slice(0, -2);
  return existsSync(join(root, parent)) ? readdirSync(join(root, parent)).map((name) => `${parent}/${name}`) : [];
}

/** Whether `npm ci` or `npm install` was run by hand: npm records what it installed in its own lock file in node_modules. */
function matchesLockFile(root) {
  const installed = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  const have = readJson(installed).packages;
  return Object.entries(readJson(join(root, "package-lock.json")).packages)
    .filter(([path, wanted]) => path.includes("node_modules/") && !wanted.optional)
    .every(([path, wanted]) => have[path] && have[path].version === wanted.version);
}

async function install(root, state, lock) {
  const start = Date.now();
  say(`packages are ${state}: running npm ci (about 20 s on a fast line) ...`);
  // Until npm succeeds the state is "out of date", even after a failure or a kill -9.
  if (state !== "missing") writeStamp(root, "installing");
  let result = await npm(root, ["ci"], lock);
  if (result.code !== 0 && isIncompleteLockFile(result.output)) {
    // See complete-lock.mjs. `npm install` takes the locked versions and looks up only what the lock file lacks.
    result = await npm(root, ["install", "--no-save"], lock);
  }
  if (result.code !== 0) throw new BootstrapError(npmFailure(result.output, secondsSince(start)));
  writeStamp(root);
  say(`packages installed in ${secondsSince(start)}`);
}

function npm(root, args, lock) {
  const flags = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
  return run("npm", [...args, ...flags], { cwd: root, shell: process.platform === "win32" }, lock);
}

/**
 * Whether the lock file lacks only packages that the registry did not serve. For those npm prints no version (`name@`); for
 * any other missing package it prints one.
 */
export function isIncompleteLockFile(output) {
  const missing = output.match(/Missing: .*/g) ?? [];
  return (
    missing.length > 0 && missing.every((line) => line.includes("@ from lock file")) && !output.includes("Invalid: ")
  );
}

const CURES = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network/,
    "Check the connection (or the proxy) and try again.",
  ],
  [/EACCES|EPERM|EROFS/, "This user may not write here: change the owner of the folder or run as its owner."],
  [/ENOSPC/, "The disk is full: make room and try again."],
  [/could not be started/, "npm comes with Node: check that `npm --version` works."],
  [/EUSAGE/, "package.json and package-lock.json differ: run `npm install` and commit the lock file."],
];

/** One line that says what to do, then npm's output without its usage text and log path. */
export function npmFailure(output, took) {
  const lines = output
    .split("\n")
    .map((line) => line.replace(/^npm (error|ERR!) ?/, "").trim())
    .filter((line) => line && !line.startsWith("npm warn") && !line.startsWith("A complete log of this run"));
  const usage = lines.indexOf("Clean install a project");
  const useful = lines.slice(0, usage === -1 ? undefined : usage).slice(0, 8);
  const cure = CURES.find(([pattern]) => useful.some((line) => pattern.test(line)))?.[1];
  const advice = cure ?? "Run `npm ci` to see its full output.";
  return [`installing packages failed after ${took}. ${advice}`, ...useful.map((line) => `  npm: ${line}`)].join("\n");
}

function writeStamp(root, stamp = fingerprint(root)) {
  try {
    writeFileSync(stampFile(root), stamp);
  } catch (error) {
    // The packages belong to another user: without a stamp the next run compares the lock files instead.
    if (!["EACCES", "EPERM", "EROFS"].includes(error.code)) throw error;
  }
}

const stampFile = (root) => join(root, "node_modules", ".bootstrap-stamp");
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));
