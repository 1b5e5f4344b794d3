import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EmbeddedPostgresError } from "./errors.ts";
import { identify, isRunning, type ProcessIdentity } from "./processes.ts";
import { changeOwner, type SystemUser } from "./system-user.ts";

/** Longer than the slowest start (crash recovery) and the slowest stop that the holder itself would wait for. */
const LOCK_TIMEOUT_MS = 10 * 60_000;
const LOCK_NOTICE_MS = 3_000;

/**
 * A folder of claims. A claim marks one process as present. It is an empty file with all its data in its name,
 * `<pid>-<start time>-<serial>`: it cannot be half written, and it cannot be mistaken for the claim of a later process with
 * the same id. Any process may remove the claim of a dead process, because no process uses that name again.
 */
export interface ClaimFolder {
  readonly path: string;
  /** The owner of the files; undefined: the user of the process that creates them. */
  readonly owner: SystemUser | undefined;
}

/** Makes a claim for this process and returns its name. A process may make several. */
export async function makeClaim(folder: ClaimFolder): Promise<string> {
  await mkdir(folder.path, { recursive: true });
  await changeOwner(folder.owner, folder.path);
  const self = (await identify(process.pid)) ?? { pid: process.pid, startedAt: "0" };
  const name = `${self.pid}-${self.startedAt}-${randomBytes(4).toString("hex")}`;
  await writeFile(join(folder.path, name), "", { flag: "wx" });
  return name;
}

/** Removes a claim; a missing one is not an error. */
export async function dropClaim(folder: ClaimFolder, name: string): Promise<void> {
  await rm(join(folder.path, name), { force: true });
}

/** The living processes with a claim other than `own`, one entry per claim. Removes the claims of dead processes. */
export async function otherClaims(folder: ClaimFolder, own?: string): Promise<ProcessIdentity[]> {
  const living: ProcessIdentity[] = [];
  for (const name of await readdir(folder.path).catch(emptyWhenMissing)) {
    const claimant = claimantOf(name);
    if (name === own || claimant === undefined) continue;
    if (await isRunning(claimant)) living.push(claimant);
    else await dropClaim(folder, name);
  }
  return living;
}

function claimantOf(name: string): ProcessIdentity | undefined {
  const [, pid, startedAt] = /^(\d+)-(\d+)-[0-9a-f]+$/.exec(name) ?? [];
  return pid === undefined || startedAt === undefined ? undefined : { pid: Number(pid), startedAt };
}

function emptyWhenMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

/**
 * Runs `work` while no other holder of the lock runs, in this process or another one.
 *
 * A caller holds the lock while its claim is the only one of a living process in the folder. Every caller makes its claim
 * before it looks for others, so of two concurrent callers at least one sees the other and withdraws. If both withdraw, they
 * try again after pauses of random length. There is no lock file to take over from a killed holder, so no race in that.
 *
 * @param onNotice receives one line when the wait exceeds three seconds
 * @throws EmbeddedPostgresError when the lock is still taken after ten minutes
 * @throws the error of `work`
 */
export async function withLock<T>(
  folder: ClaimFolder,
  onNotice: (message: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const claim = await acquire(folder, onNotice);
  try {
    return await work();
  } finally {
    await dropClaim(folder, claim);
  }
}

async function acquire(folder: ClaimFolder, onNotice: (message: string) => void): Promise<string> {
  const startedAt = Date.now();
  let noticed = false;
  for (;;) {
    const { claim, holder } = await attempt(folder);
    if (holder === undefined) return claim;
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > LOCK_TIMEOUT_MS) throw lockTimeout(holder.pid);
    if (waitedMs > LOCK_NOTICE_MS && !noticed) {
      noticed = true;
      onNotice(`Waiting for process ${holder.pid}, which is starting or stopping the database`);
    }
    await sleep(5 + Math.random() * 45);
  }
}

type Attempt = { claim: string; holder?: undefined } | { claim?: undefined; holder: ProcessIdentity };

/** One try. It also looks before it makes a claim, because the claims of waiting callers would block each other. */
async function attempt(folder: ClaimFolder): Promise<Attempt> {
  const [early] = await otherClaims(folder);
  if (early !== undefined) return { holder: early };
  const claim = await makeClaim(folder);
  const [holder] = await otherClaims(folder, claim);
  if (holder === undefined) return { claim };
  await dropClaim(folder, claim);
  return { holder };
}

function lockTimeout(pid: number): EmbeddedPostgresError {
  const minutes = LOCK_TIMEOUT_MS / 60_000;
  return new EmbeddedPostgresError(
    `Process ${pid} has been starting or stopping the database for ${minutes} minutes: end it (kill ${pid}) and start again`,
  );
}
