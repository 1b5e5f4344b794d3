import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { startRedis } from "@cpa-payouts/testing-servers";
import { Redis } from "ioredis";
import { inject } from "vitest";
import { DUE } from "./paid-once.ts";

/** A flow on a Redis that no other test uses, so that it may be killed, filled and emptied. */
export interface OwnRedis {
  readonly flow: TestFlow;
  /** For what an operator, or an accident, does to the Redis. */
  readonly client: Redis;
  /** Kills the Redis and starts it again at its address, with what is in its append-only file. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a flow at {@link DUE} on a Redis of its own. Only for suites that are skipped where there is no Redis binary. */
export async function openOwnRedis(): Promise<OwnRedis> {
  const binary = inject("redisBinary") ?? "";
  const folder = path.join(tmpdir(), `payouts-redis-${randomUUID()}`);
  let redis = await startRedis({ binary, folder });
  const { url } = redis;
  const client = new Redis(url);
  // While the Redis is down it only tries to connect again.
  client.on("error", () => {});
  const flow = await openTestFlow({ kind: "redis", now: DUE, redisUrl: url });
  return {
    flow,
    client,
    crash: async () => {
      await redis.stop("SIGKILL");
      redis = await startRedis({ binary, folder, port: Number(new URL(url).port) });
    },
    close: async () => {
      await flow.close();
      client.disconnect();
      await redis.stop();
      await rm(folder, { recursive: true });
    },
  };
}
