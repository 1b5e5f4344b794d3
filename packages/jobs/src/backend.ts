import type { SetupProblem } from "@cpa-payouts/core";
import type { Processor, Queue, Telemetry, Worker } from "bullmq";
import type { QueueName } from "./catalog.ts";

/** Where the queue is stored. `postgres` needs no other server; `redis` serves many workers. */
export type BackendConfig =
  | { readonly kind: "postgres"; readonly url: string }
  | { readonly kind: "redis"; readonly url: string; readonly prefix: string };

/** BullMQ's interface for traces: spans around adding and processing a job, and the trace context passed between the two. */
export type { Telemetry };

export interface WorkerTuning {
  /** Jobs that one process works on at the same time. */
  readonly concurrency: number;
  /** Milliseconds after which a job whose worker died is given to another worker. */
  readonly lockDurationMs?: number;
  /** Milliseconds between two checks for such jobs. */
  readonly stalledIntervalMs?: number;
  /** Milliseconds after which a handler that has not returned counts as failed, and its job is retried. */
  readonly deadlineMs?: number;
}

export type AnyQueue = Queue;
export type AnyWorker = Worker;

/** A connection to a backend, and the factory of BullMQ's objects on it. All other code is the same for both backends. */
export interface Backend {
  readonly kind: BackendConfig["kind"];
  queue(name: QueueName): AnyQueue;
  worker(name: QueueName, processor: Processor, tuning: WorkerTuning): AnyWorker;
  /** @throws OperationError of one line when the server does not answer, is too old, or lacks the tables of the queue */
  ping(): Promise<void>;
  /**
   * Finds what is wrong with a server that answers. Called once at the start, after {@link Backend.ping}, which runs every
   * few seconds and checks less.
   *
   * @returns every problem; an empty list when there is none
   * @throws OperationError of one line when the server does not answer
   */
  check(): Promise<readonly SetupProblem[]>;
  /** Closes the connections. Queues and workers must be closed first. */
  close(): Promise<void>;
}

const SECOND_MS = 1_000;

/**
 * BullMQ's options for a worker. With its default of one stall, two crashed workers fail a job permanently, regardless of
 * its attempts. A stall is the fault of a worker and not of the job, hence ten. A dead worker's job goes to another worker at
 * the first check (one every 15 s) after its lock has expired (30 s): after 45 s at most.
 */
export function workerOptions(tuning: WorkerTuning) {
  return {
    concurrency: tuning.concurrency,
    maxStalledCount: 10,
    lockDuration: tuning.lockDurationMs ?? 30 * SECOND_MS,
    stalledInterval: tuning.stalledIntervalMs ?? 15 * SECOND_MS,
  };
}
