import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Binaries } from "./binaries.ts";
import type { DataFolder } from "./data-folder.ts";
import { NAME } from "./database.ts";
import { diskFull, EmbeddedPostgresError, meansDiskFull, unless } from "./errors.ts";
import { errorLine, runProgram } from "./programs.ts";
import { changeOwner } from "./system-user.ts";

const INITDB_TIMEOUT_MS = 3 * 60_000;
const SINGLE_USER_TIMEOUT_MS = 3 * 60_000;

/**
 * Whether the folder holds a complete cluster of this major version; false when it holds none.
 * @throws EmbeddedPostgresError when the cluster is damaged or of another version, or when the folder itself is a cluster
 */
export async function hasCluster(folder: DataFolder, major: string): Promise<boolean> {
  if (await exists(join(folder.path, "PG_VERSION"))) throw isClusterItself(folder.path);
  if (await isMissingOrEmpty(folder.cluster)) {
    await refuseOtherMajor(folder, major);
    return false;
  }
  await refuseWrongVersion(folder.cluster, major);
  if (await exists(join(folder.cluster, "global", "pg_control"))) return true;
  throw damaged(folder.cluster, "global/pg_control is missing");
}

async function exists(path: string): Promise<boolean> {
  return (await unless(["ENOENT", "ENOTDIR"], () => stat(path))) !== undefined;
}

async function isMissingOrEmpty(path: string): Promise<boolean> {
  const entries = await unless(["ENOENT"], () => readdir(path));
  return entries === undefined || entries.length === 0;
}

/**
 * After an upgrade the new version's folder is missing while the old one has the data: a new, empty database would look
 * like data loss.
 */
async function refuseOtherMajor(folder: DataFolder, major: string): Promise<void> {
  const other = (await readdir(folder.path)).find((name) => /^pg\d+$/.test(name) && name !== `pg${major}`);
  if (other === undefined || (await isMissingOrEmpty(join(folder.path, other)))) return;
  throw otherMajor(join(folder.path, other), other.slice(2), major);
}

async function refuseWrongVersion(cluster: string, major: string): Promise<void> {
  const text = await unless(["ENOENT", "EISDIR"], () => readFile(join(cluster, "PG_VERSION"), "utf8"));
  const found = text?.trim() ?? "";
  if (!/^\d+(\.\d+)?$/.test(found))
    throw damaged(cluster, text === undefined ? "PG_VERSION is missing" : "PG_VERSION holds no version");
  if (found !== major) throw otherMajor(cluster, found, major);
}

function otherMajor(cluster: string, found: string, ours: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The database in ${cluster} was made by PostgreSQL ${found}, which PostgreSQL ${ours} cannot read: dump it with version ${found} (pg_dumpall) and load it into an empty --data-dir, or go back to the release of CPA Payouts that made it`,
  );
}

function damaged(cluster: string, what: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The database in ${cluster} is damaged (${what}): restore it from a backup, or move it away to begin with an empty one`,
  );
}

function isClusterItself(path: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `${path} is PostgreSQL's own data folder: name another folder with --data-dir, or start that server yourself and set DATABASE_URL`,
  );
}

/**
 * Creates the cluster under a temporary name and renames it when it is complete: a kill at any moment leaves `pg18` complete
 * or missing. Removes the remains of killed creations. An orphaned initdb may still write there, so every creation uses a
 * new name.
 * @param sync false: does not flush to disk, for tests
 * @throws EmbeddedPostgresError when initdb fails or cannot be run
 */
export async function createCluster(folder: DataFolder, binaries: Binaries, sync: boolean): Promise<void> {
  await sweepHalfClusters(folder);
  const half = `${folder.cluster}.new-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(half, { mode: 0o700 });
    await changeOwner(folder.user, half);
    await initialise(half, folder, binaries, sync);
    await rename(half, folder.cluster);
  } catch (error) {
    await remove(half);
    throw error;
  }
}

async function sweepHalfClusters(folder: DataFolder): Promise<void> {
  for (const name of await readdir(folder.path)) {
    if (name.startsWith(`${basename(folder.cluster)}.new-`)) await remove(join(folder.path, name));
  }
}

/** An orphaned initdb that still adds files can make this fail; the next creation removes the rest. */
async function remove(path: string): Promise<void> {
  await unless(["ENOTEMPTY", "EBUSY"], () => rm(path, { recursive: true, force: true, maxRetries: 3 }));
}

async function initialise(cluster: string, folder: DataFolder, binaries: Binaries, sync: boolean): Promise<void> {
  const access = ["--username", NAME, "--auth=scram-sha-256", "--pwfile", folder.passwordFile];
  const contents = ["--encoding=UTF8", "--locale=C", "--no-instructions", ...(sync ? [] : ["--no-sync"])];
  const args = ["-D", cluster, ...access, ...contents];
  const result = await runProgram(binaries.initdb, args, { user: folder.user, timeoutMs: INITDB_TIMEOUT_MS });
  if (result.ok) return;
  if (meansDiskFull(result.output)) throw new EmbeddedPostgresError(diskFull(folder.path));
  if (/could not look up effective user ID/.test(result.output)) throw namelessUser();
  throw new EmbeddedPostgresError(
    `The database could not be created in ${folder.path}: ${errorLine(result.output)}. Repair that, name another --data-dir, or set DATABASE_URL`,
  );
}

function namelessUser(): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `PostgreSQL cannot create a database as user ${process.getuid?.()}, who has no name here: add that user to /etc/passwd, run as one that has a name, or set DATABASE_URL`,
  );
}

/**
 * Gives the database user a new password after the password file was lost. The server must not be running.
 * @throws EmbeddedPostgresError when PostgreSQL does not accept it
 */
export async function resetPassword(folder: DataFolder, binaries: Binaries, password: string): Promise<void> {
  const result = await runProgram(binaries.postgres, ["--single", "-D", folder.cluster, "postgres"], {
    user: folder.user,
    input: `alter role ${NAME} password '${password}';\n`,
    timeoutMs: SINGLE_USER_TIMEOUT_MS,
  });
  if (result.ok && !/ERROR:|FATAL:/.test(result.output)) return;
  throw new EmbeddedPostgresError(
    `The password of the database in ${folder.cluster} could not be replaced: ${errorLine(result.output)}. Restore ${folder.passwordFile} from a backup`,
  );
}
