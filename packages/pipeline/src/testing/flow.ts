import type { Policy } from "@cpa-payouts/core";
import { type TestDatabase, testDatabase, testPolicy } from "@cpa-payouts/db/testing";
import type { Backend, BackendConfig } from "@cpa-payouts/jobs";
import { type BackendKind, openTestQueuesOn } from "@cpa-payouts/jobs/testing";
import { type RecordingLog, recordingLog, type TestClock, testClock } from "@cpa-payouts/testing-servers";
import { type Alerts, type Context, defaultPace, noAlerts, type Pace } from "../index.ts";

export interface TestFlow {
  readonly ctx: Context;
  readonly backend: Backend;
  readonly backendConfig: BackendConfig;
  readonly database: TestDatabase;
  readonly clock: TestClock;
  readonly log: RecordingLog;
  close(): Promise<void>;
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
  /** A database that exists, with the tables of the queue; by default a new one. */
  database?: TestDatabase;
}): Promise<TestFlow> {
  const database = options.database ?? (await testDatabase());
  const { kind, redisUrl } = options;
  const log = recordingLog();
  const { queues, backend, backendConfig, close } = openTestQueuesOn({
    kind,
    redisUrl,
    databaseUrl: database.url,
    onError: (error, queue) => log.warn({ queue, error: error.message }, "queue.error"),
  });
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
    backendConfig,
    database,
    clock,
    log,
    close: async () => {
      await close();
      await database.close();
    },
  };
}
