import { randomBytes } from "node:crypto";
import { createScratchDatabase } from "@cpa-payouts/testing-servers";
import { inject } from "vitest";
import { type Backend, type BackendConfig, openBackend, openQueues, type QueueName, type Queues } from "../index.ts";
import type { BackendKind } from "./backends.ts";

/** Queues of one test. Nothing works on them yet. */
export interface TestQueues {
  readonly backend: Backend;
  readonly backendConfig: BackendConfig;
  readonly queues: Queues;
  close(): Promise<void>;
}

/**
 * Opens queues in a database that exists, or on a Redis under a prefix of their own.
 *
 * @param options.databaseUrl where the queues are with the backend `postgres`; has their tables, as the template has
 * @param options.redisUrl another Redis than the one that all tests share
 * @param options.onError called when a queue itself fails, as by a lost connection
 * @throws Error when the backend is `redis` and there is none
 */
export function openTestQueuesOn(options: {
  kind: BackendKind;
  databaseUrl: string;
  redisUrl?: string | undefined;
  onError?: (error: Error, queue: QueueName) => void;
}): TestQueues {
  const config = backendConfig(options.kind, options.redisUrl, options.databaseUrl);
  const backend = openBackend(config);
  const queues = openQueues(backend, options.onError ?? (() => {}));
  return {
    backend,
    backendConfig: config,
    queues,
    close: async () => {
      await queues.close();
      await backend.close();
    },
  };
}

/** Opens queues with a database of their own, which the backend `redis` does not need. */
export async function openTestQueues(kind: BackendKind): Promise<TestQueues> {
  const database = await createScratchDatabase();
  const opened = openTestQueuesOn({ kind, databaseUrl: database.url });
  return {
    ...opened,
    close: async () => {
      await opened.close();
      await database.close();
    },
  };
}

function backendConfig(kind: BackendKind, ownRedisUrl: string | undefined, url: string): BackendConfig {
  if (kind === "postgres") return { kind, url };
  const redisUrl = ownRedisUrl ?? inject("redisUrl");
  if (!redisUrl) throw new Error("there is no Redis; use describeOnBackends");
  return { kind, url: redisUrl, prefix: `test-${randomBytes(6).toString("hex")}` };
}
