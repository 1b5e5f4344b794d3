import { randomBytes } from "node:crypto";
import type { Policy } from "@cpa-payouts/core";
import { type Backend, type BackendConfig, openBackend, openQueues } from "@cpa-payouts/jobs";
import { type Alerts, type Context, defaultPace, noAlerts, type Pace } from "@cpa-payouts/pipeline";
import { describe, inject } from "vitest";
import { type TestClock, testClock } from "./clock.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { type RecordingLog, recordingLog } from "./log.ts";

export const testPolicy: Policy = {
  schedule: { timeZone: "UTC", pattern: "0 2 * * *" },
  minimumBalanceCents: 100_00n,
  catchUpDays: 7,
};

export interface TestFlow {
  readonly ctx: Context;
  readonly backend: Backend;
  readonly backendConfig: BackendConfig;
  readonly database: TestDatabase;
  readonly clock: TestClock;
  readonly log: RecordingLog;
  close(): Promise<void>;
}

export type BackendKind = BackendConfig["kind"];

/** Runs a suite on both backends; without a Redis binary the Redis half is reported as skipped. */
export function describeOnBackends(name: string, suite: (kind: BackendKind) => void): void {
  describe(`${name} (postgres)`, () => suite("postgres"));
  describe.skipIf(inject("redisUrl") === null)(`${name} (redis)`, () => suite("redis"));
}

/** A context of the flow with a database, a queue and a clock of its own. Nothing works on the queue yet. */
export async function openTestFlow(options: {
  kind: BackendKind;
  now: string;
  policy?: Partial<Policy>;
  pace?: Partial<Pace>;
  alerts?: Alerts;
  /** Another Redis than the one that all tests share. */
  redisUrl?: string;
}): Promise<TestFlow> {
  const database = await testDatabase();
  const config = backendConfig(options.kind, options.redisUrl, database.url);
  const backend = openBackend(config);
  const log = recordingLog();
  const queues = openQueues(backend, (error, queue) => log.warn({ queue, error: error.message }, "queue.error"));
  const clock = testClock(options.now);
  const ctx: Context = {
    db: database.db,
    queues,
    clock,
    log,
    policy: { ...testPolicy, ...options.policy },
    pace: { ...defaultPace, ...options.pace },
    alerts: options.alerts ?? noAlerts,
  };
  return {
    ctx,
    backend,
    backendConfig: config,
    database,
    clock,
    log,
    close: async () => {
      await queues.close();
      await backend.close();
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
