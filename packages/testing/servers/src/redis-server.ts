import { mkdir } from "node:fs/promises";
import path from "node:path";
import { startServer } from "./server-process.ts";
import { freePort } from "./servers.ts";

export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  /** Ends the process with a signal, SIGTERM by default, and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a private Redis on the loopback interface, configured as in production: append-only file, no eviction. */
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
  const { pid, stop } = await startServer(options.binary, args, port);
  return { url: `redis://127.0.0.1:${port}`, pid, stop: (signal = "SIGTERM") => stop(signal) };
}
