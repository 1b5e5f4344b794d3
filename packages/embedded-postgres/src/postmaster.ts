import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Binaries } from "./binaries.ts";
import { type DataFolder, openLog } from "./data-folder.ts";
import { type Answer, ask } from "./database.ts";
import { EmbeddedPostgresError, unless } from "./errors.ts";
import {
  commandOf,
  identify,
  isIdTaken,
  isRunning,
  type ProcessIdentity,
  plainEnvironment,
  signal,
  waitUntilGone,
  workingFolderOf,
} from "./processes.ts";
import { cannotRun, orCannotRun, surroundings } from "./programs.ts";

/** How long to wait, in milliseconds. */
export interface Patience {
  /** For one answer of a server whose pid file says `ready`. */
  readonly answerMs: number;
  /** For any answer, before a server counts as hung. */
  readonly silenceMs: number;
  /** For a server that is starting; recovery after a crash may take minutes. */
  readonly startMs: number;
  /** For a fast shutdown, which writes everything to disk. */
  readonly stopMs: number;
  /** For an immediate shutdown. */
  readonly quitMs: number;
}

export const PATIENCE: Patience = {
  answerMs: 5_000,
  silenceMs: 10_000,
  startMs: 5 * 60_000,
  stopMs: 60_000,
  quitMs: 10_000,
};

/** The main process of a running server. */
export interface Postmaster extends ProcessIdentity {
  readonly port: number;
}

/** The part of postmaster.pid that is used here. */
interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

const PID_LINE = 0;
const PORT_LINE = 3;
const STATUS_LINE = 7;

async function readPidFile(folder: DataFolder): Promise<PidFile | undefined> {
  const text = await unless(["ENOENT", "ENOTDIR"], () => readFile(pidFileOf(folder), "utf8"));
  const lines = text?.split("\n") ?? [];
  const pid = Number(lines[PID_LINE]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[PORT_LINE]), ready: lines[STATUS_LINE]?.trim() === "ready" };
}

function pidFileOf(folder: DataFolder): string {
  return join(folder.cluster, "postmaster.pid");
}

/**
 * The server that runs on this cluster, or undefined. The process named in postmaster.pid counts only if it is a PostgreSQL
 * server of this folder: after a crash another program may have its id.
 */
export async function findPostmaster(folder: DataFolder): Promise<Postmaster | undefined> {
  const file = await readPidFile(folder);
  const process = file && (await identify(file.pid));
  if (file === undefined || process === undefined) return undefined;
  return (await servesCluster(file.pid, folder.cluster)) ? { ...process, port: file.port } : undefined;
}

/** A server that was started by hand may name the folder by another path, but the folder is its working directory. */
async function servesCluster(pid: number, cluster: string): Promise<boolean> {
  const command = `${(await commandOf(pid)) ?? ""} `;
  if (!/(^|[\\/"])postgres(\.exe)?"? /.test(command)) return false;
  return command.includes(cluster) || (await workingFolderOf(pid)) === cluster;
}

/** A server fills its pid file as soon as it has created it; one that stays empty for longer is stale. */
const EMPTY_PID_FILE_MS = 1_000;

/**
 * Removes a stale postmaster.pid that would make PostgreSQL refuse to start: one whose process id now belongs to another
 * program or to a zombie, and one that a crash or a full disk left empty. If processes of a killed server still run,
 * PostgreSQL detects them by their shared memory.
 */
export async function removeStalePidFile(folder: DataFolder): Promise<void> {
  const file = await readPidFile(folder);
  const stale = file ? isIdTaken(file.pid) && !(await findPostmaster(folder)) : await isEmptyForLong(folder);
  if (stale) await rm(pidFileOf(folder), { force: true });
}

async function isEmptyForLong(folder: DataFolder): Promise<boolean> {
  const found = await unless(["ENOENT", "ENOTDIR"], () => stat(pidFileOf(folder)));
  return found !== undefined && Date.now() - found.mtimeMs > EMPTY_PID_FILE_MS;
}

/** A server that was just started. */
export interface Launch {
  /** Undefined: it could not be started, or ended at once. */
  readonly server: Postmaster | undefined;
  /** Why the server has ended; undefined while it runs. */
  readonly end: () => EmbeddedPostgresError | string | undefined;
  /** The part of the server's log written since the launch. */
  readonly log: () => Promise<string>;
}

/**
 * Starts the server process without waiting until it is ready. It outlives this process, because others may use it.
 * @throws EmbeddedPostgresError when the system refuses to run it
 */
export async function launch(
  folder: DataFolder,
  binaries: Binaries,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<Launch> {
  const log = await openLog(folder);
  try {
    const { size } = await log.stat();
    // Its own process group: Ctrl-C in the terminal must reach only this process, which needs the database for its shutdown.
    // A file, not a pipe: a pipe would close with this process, and the server's next write to it would end the server.
    const options: SpawnOptions = { detached: true, stdio: ["ignore", log.fd, log.fd], ...folder.user };
    const args = ["-D", folder.cluster, "-p", String(port), ...asArguments(settings)];
    const program = binaries.postgres;
    const child = orCannotRun(program, () => spawn(program, args, { ...surroundings(program), ...options }));
    const end = watch(child, binaries);
    const process = await started(child);
    return { server: process && { ...process, port }, end, log: () => readFrom(folder.logFile, size) };
  } finally {
    await log.close();
  }
}

function watch(child: ChildProcess, binaries: Binaries): Launch["end"] {
  let reason: EmbeddedPostgresError | string | undefined;
  child.once("error", (error) => {
    reason = cannotRun(binaries.postgres, error);
  });
  child.once("exit", (code, name) => {
    reason = `postgres ended with ${name ?? code}`;
  });
  child.unref();
  return () => reason;
}

async function started(child: ChildProcess): Promise<ProcessIdentity | undefined> {
  await new Promise<void>((resolve) => {
    child.once("spawn", resolve);
    child.once("error", () => resolve());
  });
  return child.pid === undefined ? undefined : identify(child.pid);
}

const DEFAULTS: Readonly<Record<string, string>> = {
  max_connections: "200",
  timezone: "UTC",
  log_timezone: "UTC",
  // Would log a line every few minutes although nothing is wrong.
  log_checkpoints: "off",
};

/**
 * Reachable from this machine only, and only by password. Passed last: PostgreSQL takes the last value of a setting, so
 * these cannot be overridden.
 */
const FIXED: Readonly<Record<string, string>> = { listen_addresses: "127.0.0.1", unix_socket_directories: "" };

function asArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries({ ...DEFAULTS, ...settings, ...FIXED }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function readFrom(file: string, offset: number): Promise<string> {
  const content = await unless(["ENOENT"], () => readFile(file));
  return content?.subarray(offset).toString("utf8") ?? "";
}

/** `gone`: the server has ended. The others as in database.ts; `busy` and `silent`: the waiting time is over. */
export type Readiness = Answer | "gone";

/** Waits until a server is usable, has ended, or has exceeded `patience`. */
export async function waitUntilReady(
  folder: DataFolder,
  server: Postmaster,
  password: string,
  patience: Patience,
): Promise<Readiness> {
  const startedAt = Date.now();
  let silentSince: number | undefined;
  while (await isRunning(server)) {
    const ready = (await readPidFile(folder))?.ready ?? false;
    const answer = ready ? await ask(server.port, password, patience.answerMs) : "busy";
    if (answer !== "busy" && answer !== "silent") return answer;
    silentSince = answer === "silent" ? (silentSince ?? Date.now()) : undefined;
    if (silentSince !== undefined && Date.now() - silentSince + patience.answerMs > patience.silenceMs) return "silent";
    if (Date.now() - startedAt > patience.startMs) return answer;
    await sleep(10);
  }
  return "gone";
}

/**
 * Stops a server by a fast shutdown: open transactions are rolled back, everything is written to disk. If that takes too
 * long, stops it immediately, which loses no committed data but makes the next start slower.
 * @throws EmbeddedPostgresError when the process cannot be stopped or belongs to another user
 */
export async function stopPostmaster(
  server: ProcessIdentity,
  binaries: Binaries,
  patience: Patience,
  onNotice: (message: string) => void,
): Promise<void> {
  await interrupt(server.pid, binaries);
  if (await waitUntilGone(server, patience.stopMs)) return;
  onNotice(
    `The database server (process ${server.pid}) has not stopped for ${patience.stopMs / 1000} s: stopping it without waiting for its connections and files`,
  );
  signal(server.pid, "SIGQUIT");
  if (await waitUntilGone(server, patience.quitMs)) return;
  // A frozen process reacts to no other signal.
  signal(server.pid, "SIGKILL");
  if (await waitUntilGone(server, patience.quitMs)) return;
  throw new EmbeddedPostgresError(
    `The database server (process ${server.pid}) cannot be stopped: end it (kill -9 ${server.pid}) or restart this machine`,
  );
}

/** On Windows Node can only kill a process; pg_ctl requests a shutdown. */
async function interrupt(pid: number, binaries: Binaries): Promise<void> {
  if (process.platform !== "win32") return signal(pid, "SIGINT");
  await promisify(execFile)(binaries.pgCtl, ["kill", "INT", String(pid)], { env: plainEnvironment() }).catch(() =>
    signal(pid, "SIGKILL"),
  );
}

/** Whether the cluster's folder still exists. A server whose folder was deleted ends by itself within about a minute. */
export async function clusterExists(folder: DataFolder): Promise<boolean> {
  return (await unless(["ENOENT", "ENOTDIR"], () => stat(folder.cluster))) !== undefined;
}
