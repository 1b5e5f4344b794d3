// A lock for installs: two at the same time in one folder break each other.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BootstrapError, say } from "./process.mjs";

const HEARTBEAT_MS = 2_000;
/** An owner that has not touched its lock for this long has ended, unless the command that it started still runs. */
const SILENT_MS = 10_000;
const LIMIT_MS = 30 * 60_000;

/**
 * Runs `work` while this process holds the lock of the project in `root`, after waiting for another holder. SIGINT and
 * SIGTERM release the lock and end the process. A stale lock is taken over.
 * @throws BootstrapError when this user cannot write to `root`
 */
export async function withLock(root, work) {
  const lock = await take(join(root, ".bootstrap.lock"));
  const leave = (signal) => {
    lock.release();
    process.exit(128 + constants.signals[signal]);
  };
  process.once("SIGINT", leave);
  process.once("SIGTERM", leave);
  try {
    return await work(lock);
  } finally {
    process.removeListener("SIGINT", leave);
    process.removeListener("SIGTERM", leave);
    lock.release();
  }
}

async function take(folder) {
  let isWaiting = false;
  while (!tryTake(folder)) {
    if (isStale(folder)) {
      discard(folder);
    } else {
      if (!isWaiting) say("another run is installing; waiting for it ...");
      isWaiting = true;
      await sleep(200);
    }
  }
  return held(folder);
}

function tryTake(folder) {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw new BootstrapError(`packages cannot be installed, this user may not write here: ${error.message}`);
  }
}

function held(folder) {
  const heartbeat = setInterval(() => touch(folder), HEARTBEAT_MS);
  let child;
  return {
    /** Stores the command's process id, so that another run that sees no heartbeat can check whether the command still runs. */
    guards(started) {
      child = started;
      writeFileSync(join(folder, "pid"), String(started.pid ?? ""));
    },
    release() {
      clearInterval(heartbeat);
      if (child?.exitCode === null) child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The lock's folder may have been deleted during the install, which then continues without a lock. */
function touch(folder) {
  if (existsSync(folder)) utimesSync(folder, new Date(), new Date());
}

function isStale(folder) {
  try {
    const silentMs = Date.now() - statSync(folder).mtimeMs;
    if (silentMs < SILENT_MS) return false;
    return silentMs > LIMIT_MS || !isRunning(Number(readFileSync(join(folder, "pid"), "utf8")));
  } catch (error) {
    if (error.code === "ENOENT") return true;
    throw error;
  }
}

/** Renames the folder before removing it: of two processes that find the same stale lock, only one succeeds. */
function discard(folder) {
  const aside = `${folder}.${process.pid}`;
  try {
    renameSync(folder, aside);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  rmSync(aside, { recursive: true, force: true });
}

function isRunning(pid) {
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
