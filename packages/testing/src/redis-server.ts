import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./servers.ts";

export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  /** Ends the process with a signal, SIGTERM by default, and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/** Starts a Redis of our own on the loopback interface, as production runs it: append-only file, no eviction. */
export async function startRedis(options: {
  binary: string;
  folder: string;
  port?: number;
  args?: readonly string[];
}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const dir = path.join(options.folder, `redis-${port}`);
  await mkdir(dir, { recursive: true });
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", dir, "--save", ""];
  args.push("--appendonly", "yes", "--maxmemory-policy", "noeviction", ...(options.args ?? []));
  const child = spawn(options.binary, args, { stdio: "ignore" });
  await untilListening(child, port);
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop: async (signal = "SIGTERM") => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
    },
  };
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS;
  let spawnError: Error | null = null;
  child.once("error", (error) => {
    spawnError = error;
  });
  while (performance.now() < end) {
    if (spawnError) throw spawnError;
    if (child.exitCode !== null) throw new Error(`redis-server ended with exit code ${child.exitCode}`);
    if (await accepts(port)) return;
    await sleep(20);
  }
  child.kill("SIGKILL");
  throw new Error(`redis-server did not listen on port ${port} within ${START_TIMEOUT_MS} ms`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}
