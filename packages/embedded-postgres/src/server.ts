import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Binaries, findBinaries, majorOf, prepareBinaries } from "./binaries.ts";
import { dropClaim, makeClaim, otherClaims, withLock } from "./claims.ts";
import { createCluster, hasCluster, resetPassword } from "./cluster.ts";
import {
  type DataFolder,
  findDataFolder,
  lastPort,
  openDataFolder,
  passwordOf,
  ROOTS_FOLDER,
  rememberPort,
} from "./data-folder.ts";
import { createDatabase, urlOf } from "./database.ts";
import { diskFull, EmbeddedPostgresError, explained, meansDiskFull } from "./errors.ts";
import {
  clusterExists,
  findPostmaster,
  type Launch,
  launch,
  PATIENCE,
  type Patience,
  type Postmaster,
  type Readiness,
  removeStalePidFile,
  stopPostmaster,
  waitUntilReady,
} from "./postmaster.ts";
import { isRunning } from "./processes.ts";
import { errorLine } from "./programs.ts";

/** A running embedded server that this process has registered with. */
export interface EmbeddedServer {
  /** `postgres://payouts:<password>@127.0.0.1:<port>/payouts` */
  readonly url: string;
  readonly port: number;
  /** The folder in use; for root it can differ from the one asked for. Remove this one after a throw-away run. */
  readonly dataDir: string;
  /** false: this process joined a server that was already running on the folder. */
  readonly started: boolean;
  /**
   * Leaves the server, and stops it if it has no other user. May be called more than once; all calls share one outcome.
   * @throws EmbeddedPostgresError when the server cannot be stopped
   */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Created if missing. Default: `~/.local/share/cpa-payouts`, for root `/var/lib/cpa-payouts/data`. */
  readonly dataDir?: string;
  /** Default: the port of the last start if it is free, else any free one. A running server that is joined keeps its own port. */
  readonly port?: number;
  /** PostgreSQL settings for a server that is started, for instance `{ fsync: "off" }` in tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Receives lines that the user should see although nothing failed. Default: they are discarded. */
  readonly onNotice?: (message: string) => void;
}

/**
 * Starts PostgreSQL on a local data folder, or joins the server that already runs there, whichever process started it.
 * The first process creates the folder, the cluster and the database `payouts`; the last one to leave stops the server.
 * A killed process leaves the server running; the next one joins it. Only living processes count as users.
 *
 * @throws EmbeddedPostgresError with one line that says what to do
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  return startWith(options, PATIENCE);
}

/**
 * Joins the server that runs on a data folder; starts none and creates no folder.
 *
 * @returns null when no server runs there
 * @throws EmbeddedPostgresError as {@link startEmbedded}
 */
export async function joinEmbedded(options: Pick<EmbeddedOptions, "dataDir"> = {}): Promise<EmbeddedServer | null> {
  const folder = await findDataFolder(options.dataDir, majorOf(await findBinaries()));
  return folder && (await findPostmaster(folder)) ? startEmbedded(options) : null;
}

/** `startEmbedded` with other waiting times, for tests. */
export async function startWith(options: EmbeddedOptions, patience: Patience): Promise<EmbeddedServer> {
  const onNotice = options.onNotice ?? (() => undefined);
  const found = await findBinaries();
  const folder = await openDataFolder(options.dataDir, majorOf(found), onNotice);
  return explained(folder.path, async () => {
    const binaries = await prepareBinaries(
      found,
      folder.user,
      folder.user ? [ROOTS_FOLDER, folder.path] : [folder.path],
    );
    return withLock(folder.lock, onNotice, () =>
      enter({ ...options, folder, binaries, patience, onNotice, major: majorOf(found) }),
    );
  });
}

/** Everything the steps of one start need. */
interface Job extends EmbeddedOptions {
  readonly folder: DataFolder;
  readonly binaries: Binaries;
  readonly major: string;
  readonly patience: Patience;
  readonly onNotice: (message: string) => void;
}

async function enter(job: Job): Promise<EmbeddedServer> {
  const whole = await hasCluster(job.folder, job.major);
  const { password, fresh } = await passwordOf(job.folder);
  const running = whole ? await joinRunning(job, password) : undefined;
  if (!whole) await create(job);
  else if (fresh && !running) await resetPassword(job.folder, job.binaries, password);
  const entry = running ? { server: running, started: false } : await start(job, password);
  return register(job, entry, password);
}

async function create(job: Job): Promise<void> {
  job.onNotice(`Creating a new database in ${job.folder.path}`);
  await createCluster(job.folder, job.binaries, job.settings?.fsync !== "off");
}

/** The running server, if it is usable. An unusable one is stopped. */
async function joinRunning(job: Job, password: string): Promise<Postmaster | undefined> {
  const server = await findPostmaster(job.folder);
  if (server === undefined) return undefined;
  const state = await waitUntilReady(job.folder, server, password, job.patience);
  if (state === "gone") return undefined;
  if (state === "no-database") await createDatabase(server.port, password);
  if (state === "ready" || state === "no-database") return joined(job, server);
  if (state === "wrong-password" && (await otherClaims(job.folder.clients)).length > 0) throw passwordLost(job.folder);
  if (state !== "wrong-password")
    job.onNotice(`The database server (process ${server.pid}) does not answer: starting it again`);
  await stopPostmaster(server, job.binaries, job.patience, job.onNotice);
  return undefined;
}

function joined(job: Job, server: Postmaster): Postmaster {
  if (job.port !== undefined && job.port !== server.port) {
    job.onNotice(`The database already runs on port ${server.port}: port ${job.port} is not used this time`);
  }
  return server;
}

function passwordLost(folder: DataFolder): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The password in ${folder.passwordFile} is not that of the running database: end all other \`payouts\` processes, delete the file and start again`,
  );
}

const START_ATTEMPTS = 10;
const RETRY_PAUSE_MS = 200;

interface Entry {
  readonly server: Postmaster;
  readonly started: boolean;
}

/** Starts the server. Transient failures (a port just taken, the last processes of a killed server) are retried. */
async function start(job: Job, password: string): Promise<Entry> {
  for (let attempt = 1; ; attempt++) {
    await removeStalePidFile(job.folder);
    const launched = await launch(job.folder, job.binaries, await choosePort(job, attempt), job.settings ?? {});
    const state = await settle(job, launched, password);
    if (state === "ready" && launched.server) return recordStarted(job, launched.server);
    const failure = await explainFailure(job, launched, state);
    if (!failure.isTransient || attempt === START_ATTEMPTS) throw failure.error;
    await sleep(RETRY_PAUSE_MS);
    // A process killed right after launching a server leaves one that cannot be found until it has written its pid file.
    const running = await joinRunning(job, password);
    if (running) return { server: running, started: false };
  }
}

async function recordStarted(job: Job, server: Postmaster): Promise<Entry> {
  await rememberPort(job.folder, server.port);
  return { server, started: true };
}

/** Waits for the server and its database; stops a server that does not become ready. */
async function settle(job: Job, { server }: Launch, password: string): Promise<Readiness> {
  if (server === undefined) return "gone";
  const state = await waitUntilReady(job.folder, server, password, job.patience);
  if (state === "no-database") await createDatabase(server.port, password);
  if (state === "ready" || state === "no-database") return "ready";
  if (state !== "gone") await stopPostmaster(server, job.binaries, job.patience, job.onNotice);
  return state;
}

interface Failure {
  readonly error: EmbeddedPostgresError;
  /** Whether another attempt may succeed. */
  readonly isTransient: boolean;
}

async function explainFailure(job: Job, launched: Launch, state: Readiness): Promise<Failure> {
  const { cluster, logFile, path } = job.folder;
  const end = launched.end();
  if (end instanceof EmbeddedPostgresError) return { error: end, isTransient: false };
  if (state === "wrong-password") return { error: wrongPassword(job.folder), isTransient: false };
  const log = await launched.log();
  if (/could not bind .*in use/.test(log)) return { error: portTaken(launched), isTransient: job.port === undefined };
  if (meansDiskFull(log)) return { error: new EmbeddedPostgresError(diskFull(path)), isTransient: false };
  const line = state === "gone" ? errorLine(log || (end ?? "")) : `it did not answer on port ${launched.server?.port}`;
  const error = new EmbeddedPostgresError(
    `The database in ${cluster} did not start: ${line}. See ${logFile}, repair that, or restore ${path} from a backup`,
  );
  return { error, isTransient: /pre-existing shared memory block|lock file "postmaster.pid"/.test(log) };
}

function wrongPassword(folder: DataFolder): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The password in ${folder.passwordFile} does not open the database: delete the file and start again, a new password is then set`,
  );
}

function portTaken({ server }: Launch): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `Port ${server?.port} of 127.0.0.1 is taken by another program: choose another port for the database, or none to get a free one`,
  );
}

async function choosePort(job: Job, attempt: number): Promise<number> {
  if (job.port !== undefined) return job.port;
  const last = attempt === 1 ? await lastPort(job.folder) : undefined;
  return (last !== undefined && (await freePort(last))) || (await freePort(0)) || 0;
}

/** The port if it is free, any free one for 0, undefined if it is taken. Another program may take it before the server does. */
async function freePort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(undefined));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}

async function register(job: Job, { server, started }: Entry, password: string): Promise<EmbeddedServer> {
  const claim = await makeClaim(job.folder.clients);
  let stopping: Promise<void> | undefined;
  return {
    url: urlOf(server.port, password),
    port: server.port,
    dataDir: job.folder.path,
    started,
    stop() {
      stopping ??= explained(job.folder.path, () => leave(job, server, claim));
      return stopping;
    },
  };
}

async function leave(job: Job, server: Postmaster, claim: string): Promise<void> {
  const { folder, binaries, patience, onNotice } = job;
  // The folder was deleted while the server ran: no other process can use it, and there is no place for a lock.
  if (!(await clusterExists(folder))) return stopIfRunning(job, server);
  await withLock(folder.lock, onNotice, async () => {
    await dropClaim(folder.clients, claim);
    if ((await otherClaims(folder.clients)).length > 0) return;
    // Not necessarily the server that this process joined: another process may have restarted it.
    const running = await findPostmaster(folder);
    if (running) await stopPostmaster(running, binaries, patience, onNotice);
  });
}

async function stopIfRunning(job: Job, server: Postmaster): Promise<void> {
  if (await isRunning(server)) await stopPostmaster(server, job.binaries, job.patience, job.onNotice);
}
