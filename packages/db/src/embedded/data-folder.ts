import { createHash, randomBytes } from "node:crypto";
import { constants, type FileHandle, open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { mkdirForAll } from "./binaries.ts";
import type { ClaimFolder } from "./claims.ts";
import { EmbeddedPostgresError, explained, unless } from "./errors.ts";
import { amRoot, barrier, giveTo, ownerOf, type SystemUser, unprivilegedUser } from "./system-user.ts";

const APP = "cpa-payouts";

/** Where root keeps things, since other users can enter it while they cannot enter root's home. */
export const ROOTS_FOLDER = `/var/lib/${APP}`;

/** Everything the embedded database keeps, and where. */
export interface DataFolder {
  readonly path: string;
  /** PostgreSQL's own files. The name holds the major version, since another one cannot read them. */
  readonly cluster: string;
  readonly passwordFile: string;
  readonly portFile: string;
  readonly logFile: string;
  /** The processes that use the server. */
  readonly clients: ClaimFolder;
  /** The process that is starting or stopping the server. */
  readonly lock: ClaimFolder;
  /** Who runs PostgreSQL and owns the cluster; undefined: we ourselves, who are not root. */
  readonly user: SystemUser | undefined;
  /** Who owns the other files when we are root; undefined: we ourselves. */
  readonly owner: SystemUser | undefined;
}

/**
 * Decides on the folder and creates it.
 *
 * - Not root: the folder asked for, else `~/.local/share/cpa-payouts`.
 * - Root: the folder asked for, else `/var/lib/cpa-payouts/data`. PostgreSQL then runs as another user, who must be able to
 *   enter the folder. When it cannot be entered, a folder below `/var/lib/cpa-payouts` that is derived from the path takes
 *   its place, which is said by `onNotice`; modes of existing folders are never changed.
 *
 * @throws EmbeddedPostgresError when a file is in its place, when no folder is known, or when its cluster cannot be entered any more
 */
export async function openDataFolder(
  asked: string | undefined,
  major: string,
  onNotice: (message: string) => void,
): Promise<DataFolder> {
  const absolute = resolve(asked ?? defaultFolder());
  return explained(absolute, async () => {
    const wanted = await realPath(absolute);
    await refuseFile(wanted);
    const { path, user } = amRoot() ? await placeForRoot(wanted, major, onNotice) : { path: wanted, user: undefined };
    await mkdirForAll(path);
    return layout(path, major, user);
  });
}

async function layout(path: string, major: string, user: SystemUser | undefined): Promise<DataFolder> {
  // When root lends a hand in a normal user's folder, that user must be able to go on without root.
  const owner = user && (await ownerOf(path));
  return {
    path,
    cluster: join(path, `pg${major}`),
    passwordFile: join(path, "password"),
    portFile: join(path, "port"),
    logFile: join(path, "server.log"),
    clients: { path: join(path, "clients"), owner },
    lock: { path: join(path, "locks"), owner },
    user,
    owner,
  };
}

function defaultFolder(): string {
  if (amRoot()) return join(ROOTS_FOLDER, "data");
  const home = homedir() || homeOfUser();
  if (home) return join(home, ".local", "share", APP);
  throw new EmbeddedPostgresError(
    "This user has no home folder for the database: name a folder with --data-dir, or set DATABASE_URL",
  );
}

function homeOfUser(): string {
  try {
    return userInfo().homedir;
  } catch {
    // A user id without an entry in the list of users, as in some containers, has no home.
    return "";
  }
}

/** Follows the links of the part that exists, so that two ways to one folder have one name. */
async function realPath(path: string): Promise<string> {
  const real = await unless(["ENOENT", "ENOTDIR"], () => realpath(path));
  if (real !== undefined || dirname(path) === path) return real ?? path;
  return join(await realPath(dirname(path)), basename(path));
}

async function refuseFile(path: string): Promise<void> {
  const found = await unless(["ENOENT"], () => stat(path));
  if (found === undefined || found.isDirectory()) return;
  throw new EmbeddedPostgresError(
    `The database folder cannot be ${path}, because a file is in its place: choose another folder with --data-dir`,
  );
}

interface Place {
  readonly path: string;
  readonly user: SystemUser;
}

async function placeForRoot(wanted: string, major: string, onNotice: (message: string) => void): Promise<Place> {
  const user = await userFor(join(wanted, `pg${major}`));
  const closed = await barrier(wanted, user);
  const substitute = join(ROOTS_FOLDER, createHash("sha256").update(wanted).digest("hex").slice(0, 12));
  if (await ownerOf(join(wanted, `pg${major}`)))
    return closed === undefined ? { path: wanted, user } : refuseClosed(closed, wanted, user);
  // Once a substitute holds a cluster it stays in use, even if the folder asked for has been opened since: the data are there.
  const used = await ownerOf(join(substitute, `pg${major}`));
  if (closed === undefined && used === undefined) return { path: wanted, user };
  onNotice(
    `PostgreSQL cannot run as root, and the user it runs as cannot enter ${closed ?? wanted}: the database is kept in ${substitute} instead`,
  );
  return { path: substitute, user: await userFor(join(substitute, `pg${major}`)) };
}

/** The owner of the cluster if there is one, so that a cluster made by a normal user is still theirs after root has used it. */
async function userFor(cluster: string): Promise<SystemUser> {
  const owner = await ownerOf(cluster);
  if (owner === undefined) return unprivilegedUser();
  if (owner.uid !== 0) return owner;
  throw new EmbeddedPostgresError(
    `The database in ${cluster} belongs to root, as whom PostgreSQL refuses to run: give it to another user (chown -R postgres: ${cluster})`,
  );
}

function refuseClosed(closed: string, wanted: string, user: SystemUser): never {
  throw new EmbeddedPostgresError(
    `The database in ${wanted} belongs to user ${user.uid}, who cannot enter ${closed} any more: let others enter that folder again (chmod o+x ${closed})`,
  );
}

/** The password of the database user, created on first use. `fresh` says that it was created now. */
export async function passwordOf(folder: DataFolder): Promise<{ password: string; fresh: boolean }> {
  const stored = (await unless(["ENOENT"], () => readFile(folder.passwordFile, "utf8")))?.trim();
  if (stored) return { password: stored, fresh: false };
  const password = randomBytes(24).toString("base64url");
  // initdb reads the file as the user it runs as.
  await writeAtOnce(folder.passwordFile, `${password}\n`, 0o600, folder.user);
  return { password, fresh: true };
}

/** Writes a file that is there as a whole or not at all. Whatever stands in its place, be it a link, is replaced, not written to. */
async function writeAtOnce(path: string, text: string, mode: number, owner: SystemUser | undefined): Promise<void> {
  const half = `${path}.new`;
  await rm(half, { force: true });
  await writeFile(half, text, { mode, flag: "wx" });
  await giveTo(owner, half);
  await rename(half, path);
}

/** The port of the last start, or undefined. */
export async function lastPort(folder: DataFolder): Promise<number | undefined> {
  const port = Number(await unless(["ENOENT"], () => readFile(folder.portFile, "utf8")));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** Remembers the port for the next start. */
export async function rememberPort(folder: DataFolder, port: number): Promise<void> {
  await writeAtOnce(folder.portFile, `${port}\n`, 0o644, folder.owner);
}

const LOG_LIMIT_BYTES = 1_000_000;

/**
 * Opens the server's log for appending. A long one becomes `server.log.1` first and replaces the one before, so that the log
 * does not grow from start to start. A link in its place is refused (ELOOP).
 */
export async function openLog(folder: DataFolder): Promise<FileHandle> {
  const found = await unless(["ENOENT"], () => stat(folder.logFile));
  if (found && found.size > LOG_LIMIT_BYTES) await rename(folder.logFile, `${folder.logFile}.1`);
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  const log = await open(folder.logFile, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o644);
  await giveTo(folder.owner, folder.logFile);
  return log;
}
