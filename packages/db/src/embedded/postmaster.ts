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
  /** For one answer of a server that says it is ready. */
  readonly answerMs: number;
  /** For any answer at all, before a server counts as out of order. */
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

/** What the server writes into its data folder about itself. */
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
 * The server that runs on this cluster, or undefined. The process named in postmaster.pid counts only if its command line
 * shows a PostgreSQL server of this very folder: after a crash the number may belong to anybody.
 */
export async function findPostmaster(folder: DataFolder): Promise<Postmaster | undefined> {
  const file = await readPidFile(folder);
  const process = file && (await identify(file.pid));
  if (file === undefined || process === undefined) return undefined;
  return (await servesCluster(file.pid, folder.cluster)) ? { ...process, port: file.port } : undefined;
}

/** A server that somebody started by hand may have been given another name of the folder, but it works in it. */
async function servesCluster(pid: number, cluster: string): Promise<boolean> {
  const command = `${(await commandOf(pid)) ?? ""} `;
  if (!/(^|[\\/"])postgres(\.exe)?"? /.test(command)) return false;
  return command.includes(cluster) || (await workingFolderOf(pid)) === cluster;
}

/** A server fills its file as soon as it has created it. */
const EMPTY_PID_FILE_MS = 1_000;

/**
 * Removes a postmaster.pid that PostgreSQL would take for that of a running server, and refuse to start: one whose number now
 * belongs to another program or to a zombie, and one that a crash or a full disk left empty. Should parts of a killed server
 * still be running, PostgreSQL finds them by their shared memory.
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
  /** Why it is not there any more; undefined while it is. */
  readonly end: () => EmbeddedPostgresError | string | undefined;
  /** What it has written to its log. */
  readonly log: () => Promise<string>;
}

/** Starts the server process and returns at once. It outlives this process, so that others can go on using it. */
export async function launch(
  folder: DataFolder,
  binaries: Binaries,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<Launch> {
  const log = await openLog(folder);
  try {
    const { size } = await log.stat();
    // Its own process group: Ctrl-C in the terminal is meant for us, who still need the database to end in good order.
    // Files, not pipes: a pipe would close with us, and writing to it would then end the server.
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
  // A line every few minutes for ever, about nothing that went wrong.
  log_checkpoints: "off",
};

/** Reachable from this machine only, and only by password. Not to be overridden, hence last: the last one counts. */
const FIXED: Readonly<Record<string, string>> = { listen_addresses: "127.0.0.1", unix_socket_directories: "" };

function asArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries({ ...DEFAULTS, ...settings, ...FIXED }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function readFrom(file: string, offset: number): Promise<string> {
  const content = await unless(["ENOENT"], () => readFile(file));
  return content?.subarray(offset).toString("utf8") ?? "";
}

/** `gone`: it has ended; the others as in database.ts, `busy` and `silent` after all patience. */
export type Readiness = Answer | "gone";

/** Waits until a server is usable, or until it is clear that it will not be. */
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
 * Ends a server: fast (open transactions are rolled back, everything is written), and if that takes too long at once, which
 * loses nothing either but makes the next start slower.
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
  // A frozen process acts on no other signal.
  signal(server.pid, "SIGKILL");
  if (await waitUntilGone(server, patience.quitMs)) return;
  throw new EmbeddedPostgresError(
    `The database server (process ${server.pid}) cannot be stopped: end it (kill -9 ${server.pid}) or restart this machine`,
  );
}

/** On Windows Node can only kill; PostgreSQL has a tool that asks. */
async function interrupt(pid: number, binaries: Binaries): Promise<void> {
  if (process.platform !== "win32") return signal(pid, "SIGINT");
  await promisify(execFile)(binaries.pgCtl, ["kill", "INT", String(pid)], { env: plainEnvironment() }).catch(() =>
    signal(pid, "SIGKILL"),
  );
}

/** Whether the cluster's folder is still there; a server whose folder was deleted ends by itself within a minute or so. */
export async function clusterExists(folder: DataFolder): Promise<boolean> {
  return (await unless(["ENOENT", "ENOTDIR"], () => stat(folder.cluster))) !== undefined;
}
