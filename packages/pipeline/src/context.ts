import type { AlertChannel, AlertMessage, Policy } from "@cpa-payouts/core";
import type { Db } from "@cpa-payouts/db";
import type { Queues } from "@cpa-payouts/jobs";
import type { BatchPace } from "./batcher.ts";

/** The present instant: the real one, or a pretended one in tests, the demo and `--now`. */
export type Clock = () => Date;

/** What the pipeline logs with; pino fits. Events are `noun.verb`, their fields are ids and counts, never personal data. */
export interface Log {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
}

/** What a step needs that only touches the database. */
export interface DataContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a step of the flow needs. */
export interface Context extends DataContext {
  readonly queues: Queues;
  readonly policy: Policy;
  readonly pace: Pace;
  readonly alerts: Alerts;
}

/** A way to reach people. */
export interface Channel {
  /**
   * Sends a message; it may be sent again, since nobody can know whether one that failed arrived all the same.
   *
   * @returns how many of the recipients were refused; at least one was not
   * @throws Error in one line without secrets
   */
  send(message: AlertMessage): Promise<{ readonly refused: number }>;
}

/** Whom to alert, and where those who are alerted may look. */
export interface Alerts {
  /** Those that are configured; without any, nothing is raised. */
  readonly channels: Readonly<Partial<Record<AlertChannel, Channel>>>;
  /** Where people reach the API; null for no links. */
  readonly publicUrl: string | null;
}

export const noAlerts: Alerts = { channels: {}, publicUrl: null };

/** How much is taken on at a time. */
export interface Pace {
  /** Users decided by one statement. */
  readonly decideChunk: number;
  /** Jobs added by one call. */
  readonly fanOutPage: number;
  /** Jobs of a run that wait or run at the same time, at most: it bounds the queue's memory however many users there are. */
  readonly highWaterMark: number;
  /** How the invoices under way in a process are gathered into statements. */
  readonly invoices: BatchPace;
}

export const defaultPace: Pace = {
  decideChunk: 5_000,
  fanOutPage: 1_000,
  highWaterMark: 20_000,
  invoices: { maxItems: 500, maxWaitMs: 5, maxRunning: 2 },
};

/** Who the system is in ledger, audit log and runs, where nobody gave an order. */
export const SYSTEM_ACTOR = "system";

const SECOND_MS = 1_000;

/** A job that has worked this long comes back for the rest, so that a shutdown never waits for a long one. */
export const ACTIVATION_MS = 5 * SECOND_MS;

/** Real time, not the clock: it measures how long this process has been busy. */
export function activationEnd(): () => boolean {
  const end = performance.now() + ACTIVATION_MS;
  return () => performance.now() >= end;
}
