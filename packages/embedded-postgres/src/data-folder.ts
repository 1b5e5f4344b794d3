import { createHash, randomBytes } from "node:crypto";
import { constants, type FileHandle, open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { mkdirForAll } from "./binaries.ts";
import type { ClaimFolder } from "./claims.ts";
import { EmbeddedPostgresError, explained, unless } from "./errors.ts";
import { amRoot, changeOwner, firstClosedFolder, ownerOf, type SystemUser, unprivilegedUser } from "./system-user.ts";

const APP = "cpa-payouts";

/** Root's folder for data and programs. Other users can enter it, unlike root's home. */
export const ROOTS_FOLDER = `/var/lib/${APP}`;

/** The files of an embedded database, and their owners. */
export interface DataFolder {
  readonly path: string;
  /** PostgreSQL's own files. The name contains the major version, because another one cannot read them. */
  readonly cluster: string;
  readonly passwordFile: string;
  readonly portFile: string;
  readonly logFile: string;
  /** Claims of the processes that use the server. */
  readonly clients: ClaimFolder;
  /** Claim of the process that is starting or stopping the server. */
  readonly lock: ClaimFolder;
  /** The user who runs PostgreSQL and owns the cluster; undefined: the user of this process, who is not root. */
  readonly user: SystemUser | undefined;
  /** The owner of the other files when this process is root; undefined: the user of this process. */
  readonly owner: SystemUser | undefined;
}

/**
 * Chooses the folder and creates it.
 *
 * - Not root: the folder asked for, else `~/.local/share/cpa-payouts`.
 * - Root: the folder asked for, else `/var/lib/cpa-payouts/data`. PostgreSQL then runs as another user, who must be able to
 *   enter the folder. If that user cannot, a folder below `/var/lib/cpa-payouts` with a name derived from the path is used
 *   instead, and `onNotice` receives a line about it. Modes of existing folders are never changed.
 *
 * @throws EmbeddedPostgresError when the path is a file, when no folder is known, when the owner of an existing cluster can no
 * longer enter it, or when the folder cannot be created
 */
export async function openDataFolder(
  asked: string | undefined,
  major: string,
  onNotice: (message: string) => void,
): Promise<DataFolder> {
  const absolute = resolve(asked ?? defaultFolder());
  return explained(absolute, async () => {
    const { path, user } = await choosePlace(absolute, major, onNotice);
    await mkdirForAll(path);
    return layout(path, major, user);
  });
}

/**
 * The folder that {@link openDataFolder} would use, if it is there.
 *
 * @throws EmbeddedPostgresError as {@link openDataFolder}
 */
export async function findDataFolder(asked: string | undefined, major: string): Promise<DataFolder | undefined> {
  const absolute = resolve(asked ?? defaultFolder());
  return explained(absolute, async () => {
    const { path, user } = await choosePlace(absolute, major, () => {});
    return (await unless(["ENOENT"], () => stat(path))) && layout(path, major, user);
  });
}

interface Place {
  readonly path: string;
  readonly user: SystemUser | undefined;
}

async function choosePlace(absolute: string, major: string, onNotice: (message: string) => void): Promise<Place> {
  const wanted = await realPath(absolute);
  await refuseFile(wanted);
  return amRoot() ? placeForRoot(wanted, major, onNotice) : { path: wanted, user: undefined };
}

async function layout(path: string, major: string, user: SystemUser | undefined): Promise<DataFolder> {
  // When root works in a normal user's folder, that user owns the new files and can continue without root.
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
    // A user id that is not in /etc/passwd, as in some containers, has no home.
    return "";
  }
}

/** Resolves the links in the existing part of the path, so that one folder has one name. */
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

async function placeForRoot(wanted: string, major: string, onNotice: (message: string) => void): Promise<Place> {
  const user = await userFor(join(wanted, `pg${major}`));
  const closed = await firstClosedFolder(wanted, user);
  const substitute = join(ROOTS_FOLDER, createHash("sha256").update(wanted).digest("hex").slice(0, 12));
  if (await ownerOf(join(wanted, `pg${major}`)))
    return closed === undefined ? { path: wanted, user } : refuseClosed(closed, wanted, user);
  // A substitute that holds a cluster stays in use even after the folder asked for was opened to others: it has the data.
  const used = await ownerOf(join(substitute, `pg${major}`));
  if (closed === undefined && used === undefined) return { path: wanted, user };
  onNotice(
    `PostgreSQL cannot run as root, and the user it runs as cannot enter ${closed ?? wanted}: the database is kept in ${substitute} instead`,
  );
  return { path: substitute, user: await userFor(join(substitute, `pg${major}`)) };
}

/** The owner of an existing cluster, so that a normal user's cluster is still theirs after root has used it. */
async function userFor(cluster: string): Promise<SystemUser> {
  const owner = await ownerOf(cluster);
  if (owner === undefined) return unprivilegedUser();
  if (owner.uid !== 0) return owner;
  throw new EmbeddedPostgresError(
    `The database in ${cluster} belongs to root, and PostgreSQL refuses to run as root: give the folder to another user (chown -R postgres: ${cluster})`,
  );
}

function refuseClosed(closed: string, wanted: string, user: SystemUser): never {
  throw new EmbeddedPostgresError(
    `The database in ${wanted} belongs to user ${user.uid}, who cannot enter ${closed} any more: let others enter that folder again (chmod o+x ${closed})`,
  );
}

/** The password of the database user, created on first use; `fresh`: created by this call. */
export async function passwordOf(folder: DataFolder): Promise<{ password: string; fresh: boolean }> {
  const stored = (await unless(["ENOENT"], () => readFile(folder.passwordFile, "utf8")))?.trim();
  if (stored) return { password: stored, fresh: false };
  const password = randomBytes(24).toString("base64url");
  // initdb reads the file as the user it runs as.
  await writeAtOnce(folder.passwordFile, `${password}\n`, 0o600, folder.user);
  return { password, fresh: true };
}

/** Writes a file atomically. An existing file or link at `path` is replaced, not written to. */
async function writeAtOnce(path: string, text: string, mode: number, owner: SystemUser | undefined): Promise<void> {
  const half = `${path}.new`;
  await rm(half, { force: true });
  await writeFile(half, text, { mode, flag: "wx" });
  await changeOwner(owner, half);
  await rename(half, path);
}

/** The port of the last start; undefined when it is not known. */
export async function lastPort(folder: DataFolder): Promise<number | undefined> {
  const port = Number(await unless(["ENOENT"], () => readFile(folder.portFile, "utf8")));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** Stores the port for the next start. */
export async function rememberPort(folder: DataFolder, port: number): Promise<void> {
  await writeAtOnce(folder.portFile, `${port}\n`, 0o644, folder.owner);
}

const LOG_LIMIT_BYTES = 1_000_000;

/**
 * Opens the server's log for appending. A log of more than 1 MB is first renamed to `server.log.1` and replaces the older one,
 * so that the log does not grow with every start. A link in its place is refused (ELOOP).
 */
export async function openLog(folder: DataFolder): Promise<FileHandle> {
  const found = await unless(["ENOENT"], () => stat(folder.logFile));
  if (found && found.size > LOG_LIMIT_BYTES) await rename(folder.logFile, `${folder.logFile}.1`);
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  const log = await open(folder.logFile, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o644);
  await changeOwner(folder.owner, folder.logFile);
  return log;
}
