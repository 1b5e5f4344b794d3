import { OperationError } from "@cpa-payouts/core";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { type Backend, type BackendConfig, workerOptions } from "./backend.ts";
import { gatherWrites } from "./gather-writes.ts";
import { findRedisProblems, infoField } from "./redis-setup.ts";
import type { TracingOf } from "./tracing.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const OLDEST_VERSION = [6, 2];
const DEFAULT_PORT = 6379;

/**
 * BullMQ on Redis. The braces around the prefix put all keys of a queue into one slot of a Redis Cluster.
 * While Redis does not answer, commands wait in the client (`maxRetriesPerRequest: null`, which BullMQ's workers require)
 * and are sent after the reconnect.
 */
export function openRedisBackend(config: Extract<BackendConfig, { kind: "redis" }>, tracing: TracingOf): Backend {
  const connection = new Redis(config.url, {
    lazyConnect: true,
    maxRetriesPerRequest: null,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: 10_000,
  });
  // Without a listener ioredis prints every failed attempt; queues and workers report the same errors to their own listeners.
  connection.on("error", () => {});
  gatherWrites(connection);
  const prefix = `{${config.prefix}}`;
  return {
    kind: "redis",
    queue: (name) => new Queue(name, { connection, prefix, ...tracing(name) }),
    worker: (name, processor, tuning) =>
      new Worker(name, processor, { connection, prefix, ...tracing(name), ...workerOptions(tuning) }),
    ping: async () => assertVersion(await readInfo(config.url, "server"), serverOf(config.url)),
    check: async () => findRedisProblems(await readInfo(config.url), serverOf(config.url)),
    close: async () => {
      connection.disconnect();
    },
  };
}

/** Host and port of a Redis URL, without user and password. */
function serverOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || DEFAULT_PORT}`;
}

/**
 * Redis' reply to INFO, over a separate connection that fails instead of waiting for Redis to come back.
 *
 * @param section the section of INFO; without it, Redis' default sections
 * @throws OperationError of one line when Redis does not answer
 */
async function readInfo(url: string, section?: string): Promise<string> {
  const probe = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A frozen Redis accepts the connection and never answers.
    commandTimeout: CONNECT_TIMEOUT_MS,
  });
  let lastError = "no answer";
  probe.on("error", (error: Error) => {
    lastError = error.message;
  });
  try {
    await probe.connect();
    return await (section ? probe.info(section) : probe.info());
  } catch (cause) {
    // ioredis' own rejection says "Connection is closed"; the reason is in the error event before it.
    const reason = lastError === "no answer" ? (cause as Error).message : lastError;
    throw new OperationError(
      `Redis at ${serverOf(url)} does not answer: ${reason}; check REDIS_URL and that the server runs`,
    );
  } finally {
    probe.disconnect();
  }
}

function assertVersion(info: string, server: string): void {
  const version = infoField(info, "redis_version") ?? "0";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_VERSION;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new OperationError(`Redis at ${server} is version ${version}; ${OLDEST_VERSION.join(".")} or newer is needed`);
}
