import type { AlertChannel, AlertMessage, Clock, Log, Policy } from "@cpa-payouts/core";
import type { Db } from "@cpa-payouts/db";
import type { Queues } from "@cpa-payouts/jobs";
import type { BatchPace } from "./batcher.ts";

export type { Clock, Log };

/** The dependencies of functions that use the database only. */
export interface DataContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}

/** The dependencies of a step of the flow. */
export interface Context extends DataContext {
  readonly queues: Queues;
  readonly policy: Policy;
  readonly pace: Pace;
  readonly alerts: Alerts;
}

/** A way to send alerts: a webhook or e-mail. */
export interface Channel {
  /**
   * Sends a message. A message that failed is sent again, although it may have arrived: the sender cannot know.
   *
   * @returns the number of recipients that were refused; at least one was accepted
   * @throws Error with a message of one line without secrets
   */
  send(message: AlertMessage): Promise<{ readonly refused: number }>;
}

/** Where alerts are sent, and the address for their links. */
export interface Alerts {
  /** The configured channels; without any, no alert is raised. */
  readonly channels: Readonly<Partial<Record<AlertChannel, Channel>>>;
  /** The address at which people reach the API; null for messages without links. */
  readonly publicUrl: string | null;
}

export const noAlerts: Alerts = { channels: {}, publicUrl: null };

/** The sizes of chunks, pages and batches. */
export interface Pace {
  /** Users decided by one statement. */
  readonly decideChunk: number;
  /** Jobs added by one call. */
  readonly fanOutPage: number;
  /** Jobs of a run that are in the queue at a time, at most. Bounds the queue's memory for any number of users. */
  readonly highWaterMark: number;
  /** How a worker process gathers its `create-invoice` jobs into statements. */
  readonly invoices: BatchPace;
}

export const defaultPace: Pace = {
  decideChunk: 5_000,
  fanOutPage: 1_000,
  highWaterMark: 20_000,
  invoices: { maxItems: 500, maxWaitMs: 5, maxRunning: 2 },
};

/** The actor in ledger, audit log and runs for what the system does by itself. */
export const SYSTEM_ACTOR = "system";

const SECOND_MS = 1_000;

/**
 * A step that has worked this long returns a snooze and continues later, so that a shutdown never waits for a long
 * step.
 */
export const ACTIVATION_MS = 5 * SECOND_MS;

/**
 * Starts the time limit of a step, {@link ACTIVATION_MS}. It runs in real time, not by the context's clock, because it
 * measures how long this process has been busy.
 *
 * @returns a function that says whether the time is up
 */
export function activationEnd(): () => boolean {
  const end = performance.now() + ACTIVATION_MS;
  return () => performance.now() >= end;
}
