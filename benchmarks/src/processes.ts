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
 * Bundles the contenders as the product is bundled for production: run from the sources, the compiler alone would take
 * a hundred megabytes.
 *
 * @returns the file to start
 */
export async function bundleContenders(folder: string): Promise<string> {
  const file = path.join(folder, "contender.mjs");
  await bundle(CHILD, file);
  return file;
}

/** A contender in a process of its own, so that one does not inherit another's memory and compiled code. */
export interface ContenderProcess {
  usage(): Promise<Usage>;
  /** @throws Error when it did not end in order */
  stop(): Promise<void>;
}

export function startContender(file: string, name: ContenderName, setting: Setting): ContenderProcess {
  const child = fork(file, { execArgv: [] });
  give(child, { start: name, setting });
  return {
    usage: async () => {
      const answer = once(child, "message");
      give(child, "usage");
      const [usage] = (await Promise.race([answer, untilGone(child, name)])) as [Usage];
      return usage;
    },
    stop: async () => {
      const gone = once(child, "exit");
      give(child, "stop");
      const [code] = (await gone) as [number | null];
      if (code !== 0) throw new Error(`the process of ${name} ended with exit code ${code}`);
    },
  };
}

async function untilGone(child: ChildProcess, name: string): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`the process of ${name} ended with exit code ${code}`);
}

function give(child: ChildProcess, order: Order): void {
  child.send(order);
}

/** CPU time so far, in microseconds: of a Redis server, and of everything on this machine. */
export async function redisCpuMicros(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const seconds = (field: string) => Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)?.[1] ?? 0);
  return (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1_000_000;
}

export function machineCpuMicros(): number {
  const busy = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return busy.reduce((sum, ms) => sum + ms, 0) * 1_000;
}
