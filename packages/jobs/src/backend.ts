import type { SetupProblem } from "@cpa-payouts/core";
import type { Processor, Queue, Telemetry, Worker } from "bullmq";
import type { QueueName } from "./catalog.ts";

/** Where the to-do list lives. `postgres` needs no other server; `redis` carries many workers. */
export type BackendConfig =
  | { readonly kind: "postgres"; readonly url: string }
  | { readonly kind: "redis"; readonly url: string; readonly prefix: string };

/** BullMQ's door for traces: spans around adding and working on a job, and the way of a trace from the one to the other. */
export type { Telemetry };

export interface WorkerTuning {
  /** Jobs of a process under way at the same time. */
  readonly concurrency: number;
  /** Milliseconds after which a job whose worker died is given to another. */
  readonly lockDurationMs?: number;
  readonly stalledIntervalMs?: number;
  /** Milliseconds after which a handler that has not come back is given up, and its job tried again. */
  readonly deadlineMs?: number;
}

export type AnyQueue = Queue;
export type AnyWorker = Worker;

/** An open connection to a backend, which makes BullMQ's objects; everything else is the same on both. */
export interface Backend {
  readonly kind: BackendConfig["kind"];
  queue(name: QueueName): AnyQueue;
  worker(name: QueueName, processor: Processor, tuning: WorkerTuning): AnyWorker;
  /** @throws OperationError in one line when it does not answer or is not fit */
  ping(): Promise<void>;
  /**
   * What is wrong with the server although it answers. Asked once at the start, after {@link Backend.ping}, which comes
   * every few seconds and looks at less.
   *
   * @returns every problem; none when all is well
   * @throws OperationError in one line when it does not answer
   */
  check(): Promise<readonly SetupProblem[]>;
  /** Ends the connections; queues and workers are closed before. */
  close(): Promise<void>;
}

const SECOND_MS = 1_000;

/**
 * How workers hold jobs. BullMQ's default of one stall kills a job for good after two crashed workers, whatever its
 * attempts; a stall is our workers' problem, never the job's, hence ten. A job without a living worker is taken up
 * after the lock (30 s) and at most two checks.
 */
export function workerOptions(tuning: WorkerTuning) {
  return {
    concurrency: tuning.concurrency,
    maxStalledCount: 10,
    lockDuration: tuning.lockDurationMs ?? 30 * SECOND_MS,
    stalledInterval: tuning.stalledIntervalMs ?? 15 * SECOND_MS,
  };
}
