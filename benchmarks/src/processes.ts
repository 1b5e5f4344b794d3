import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { bundle } from "../../scripts/bundle.mjs";
import type { Order, Usage } from "./child.ts";
import type { ContenderName, Setting } from "./contenders.ts";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));

/**
 * Bundles the contenders as the product is bundled for production: when they run from source, the compiler alone takes a
 * hundred megabytes.
 *
 * @returns the file to start
 */
export async function bundleContenders(folder: string): Promise<string> {
  const name = "contender";
  await bundle({ entry: CHILD, folder, name });
  return path.join(folder, `${name}.mjs`);
}

/** A contender in its own process, so that it does not inherit the memory and compiled code of another. */
export interface ContenderProcess {
  usage(): Promise<Usage>;
  /** Rejects when the process ends, so that no caller waits for it forever. */
  readonly ended: Promise<never>;
  /** @throws Error when its exit code is not 0 */
  stop(): Promise<void>;
}

/** Starts a contender from the bundle `file`. */
export function startContender(file: string, name: ContenderName, setting: Setting): ContenderProcess {
  const child = fork(file, { execArgv: [] });
  const exit = once(child, "exit").then(([code]) => code as number | null);
  const ended = exit.then((code): never => {
    throw new Error(`the process of ${name} ended with exit code ${code}`);
  });
  // After an orderly end no caller handles this rejection.
  ended.catch(() => {});
  give(child, { start: name, setting });
  return {
    ended,
    usage: async () => {
      const answer = once(child, "message");
      give(child, "usage");
      const [usage] = (await Promise.race([answer, ended])) as [Usage];
      return usage;
    },
    stop: async () => {
      give(child, "stop");
      if ((await exit) !== 0) await ended;
    },
  };
}

function give(child: ChildProcess, order: Order): void {
  child.send(order);
}

/** CPU time of a Redis server since its start, in microseconds. */
export async function redisCpuMicros(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const seconds = (field: string) => Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)?.[1] ?? 0);
  return (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1_000_000;
}

/** CPU time of all processes of this machine since it booted, in microseconds. */
export function machineCpuMicros(): number {
  const busy = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return busy.reduce((sum, ms) => sum + ms, 0) * 1_000;
}
