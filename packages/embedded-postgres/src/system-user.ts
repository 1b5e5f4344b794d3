import { execFile } from "node:child_process";
import { lchown, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { EmbeddedPostgresError, errorCode, unless } from "./errors.ts";
import { plainEnvironment } from "./processes.ts";

const run = promisify(execFile);
const TOOL_TIMEOUT_MS = 20_000;
const POSTGRES = "postgres";

/** A user of the operating system, by number. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** Whether this process runs as root, which PostgreSQL refuses to do. Always false on Windows. */
export function amRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The user that root runs PostgreSQL as: `postgres`, created if it is missing, else `nobody` or `daemon`.
 * It needs a name, because initdb (unlike the server) refuses a user id that is not in /etc/passwd.
 * @throws EmbeddedPostgresError when none of them exists
 */
export async function unprivilegedUser(): Promise<SystemUser> {
  const user =
    (await userNamed(POSTGRES)) ?? (await createUser()) ?? (await userNamed("nobody")) ?? (await userNamed("daemon"));
  if (user !== undefined) return user;
  throw new EmbeddedPostgresError(
    "PostgreSQL refuses to run as root and there is no other user here: create one (useradd --system postgres), run as a normal user, or set DATABASE_URL",
  );
}

async function userNamed(name: string): Promise<SystemUser | undefined> {
  const uid = await idOf("-u", name);
  const gid = await idOf("-g", name);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** macOS gives `nobody` a negative id, and Node cannot run a program under one: that user counts as missing. */
async function idOf(option: "-u" | "-g", name: string): Promise<number | undefined> {
  try {
    const { stdout } = await run("id", [option, name], { env: plainEnvironment(), timeout: TOOL_TIMEOUT_MS });
    const id = Number(stdout.trim());
    return Number.isInteger(id) && id > 0 ? id : undefined;
  } catch {
    // `id` fails for a user that does not exist; without `id` no user can be found either.
    return undefined;
  }
}

const CREATE_USER: readonly [string, ...string[]][] = [
  [
    "useradd",
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir",
    "/nonexistent",
    "--shell",
    "/usr/sbin/nologin",
    POSTGRES,
  ],
  ["adduser", "-S", "-D", "-H", POSTGRES],
];

async function createUser(): Promise<SystemUser | undefined> {
  for (const [command, ...args] of CREATE_USER) {
    try {
      await run(command, args, { env: plainEnvironment(), timeout: TOOL_TIMEOUT_MS });
    } catch {
      // The tool is missing, /etc/passwd is read-only, or another process was faster: only the user's existence counts.
    }
    const user = await userNamed(POSTGRES);
    if (user !== undefined) return user;
  }
  return undefined;
}

/** The owner of a file or folder, or undefined if it does not exist. */
export async function ownerOf(path: string): Promise<SystemUser | undefined> {
  const found = await unless(["ENOENT", "ENOTDIR"], () => stat(path));
  return found && { uid: found.uid, gid: found.gid };
}

/**
 * Changes the owner of a file or folder. Does nothing when `user` is undefined: the user of this process keeps it.
 * A link is not followed, because a user could point one in their own folder at a file of root.
 * @throws EmbeddedPostgresError when this root may not change owners
 */
export async function changeOwner(user: SystemUser | undefined, path: string): Promise<void> {
  if (user === undefined) return;
  try {
    await lchown(path, user.uid, user.gid);
  } catch (error) {
    // A root without privileges, as in some containers, cannot give files away.
    if (errorCode(error) !== "EPERM" && errorCode(error) !== "EINVAL") throw error;
    throw new EmbeddedPostgresError(
      `PostgreSQL refuses to run as root, and this root may not give ${path} to user ${user.uid}: run as a normal user, or set DATABASE_URL`,
      {
        cause: error,
      },
    );
  }
}

/** The first folder from the root to `path`, itself included, that exists and that `user` cannot enter; undefined: none. */
export async function firstClosedFolder(path: string, user: SystemUser): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await firstClosedFolder(parent, user);
  if (above !== undefined) return above;
  return (await isGranted(path, user, 0o1)) ? undefined : path;
}

/** Whether the mode of a file grants `user` all of `bits` (4 read, 2 write, 1 execute or enter); a missing file grants everything. */
export async function isGranted(path: string, user: SystemUser, bits: number): Promise<boolean> {
  const found = await unless(["ENOENT", "ENOTDIR"], () => stat(path));
  if (found === undefined) return true;
  const shift = found.uid === user.uid ? 6 : found.gid === user.gid ? 3 : 0;
  return ((found.mode >> shift) & bits) === bits;
}
