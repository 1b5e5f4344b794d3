import type { JobName, QueueName } from "@cpa-payouts/jobs";
import type { OnInvoiceBatch } from "@cpa-payouts/pipeline";
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

/** What a process measures of itself: memory, CPU, the lag of its event loop, and its work if it is a worker. */
export interface ProcessMetrics {
  readonly registry: Registry;
  /** In Prometheus' text format. */
  text(): Promise<string>;
}

/** Once per process: its clocks for garbage collection and the event loop run until it ends. */
export function openProcessMetrics(): ProcessMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return { registry, text: () => registry.metrics() };
}

/** Told by a worker what it does: counts and durations only, so that an open port gives no amount away. */
export interface WorkerMeter {
  readonly onInvoiceBatch: OnInvoiceBatch;
  onRetry(job: JobName): void;
  onFailure(job: JobName): void;
  onStall(queue: QueueName): void;
}

export const noMeter: WorkerMeter = {
  onInvoiceBatch: () => {},
  onRetry: () => {},
  onFailure: () => {},
  onStall: () => {},
};

/** Up to what a batch holds at most, in steps that show whether batches fill up. */
const JOBS_BUCKETS = [1, 2, 5, 10, 25, 50, 100, 200, 300, 400, 500];
const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Adds a worker's figures to those of its process. */
export function openWorkerMeter(registry: Registry): WorkerMeter {
  const registers = [registry];
  const batchJobs = new Histogram({
    name: "payouts_invoice_batch_jobs",
    help: "Jobs of create-invoice that were gathered into a statement; the sum is how many there were",
    buckets: JOBS_BUCKETS,
    registers,
  });
  const batchSeconds = new Histogram({
    name: "payouts_invoice_batch_duration_seconds",
    help: "How long a batch took in the database",
    labelNames: ["result"],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const counter = <L extends string>(name: string, help: string, label: L) =>
    new Counter({ name, help, labelNames: [label], registers });
  const retries = counter("payouts_job_retries_total", "Jobs that failed and are tried again", "job");
  const failures = counter("payouts_job_failures_total", "Jobs that failed for the last time", "job");
  const stalls = counter("payouts_job_stalls_total", "Jobs taken from a worker that died or lost the queue", "queue");
  return {
    onInvoiceBatch: ({ jobs, seconds, isFailed }) => {
      batchJobs.observe(jobs);
      batchSeconds.observe({ result: isFailed ? "failed" : "done" }, seconds);
    },
    onRetry: (job) => retries.inc({ job }),
    onFailure: (job) => failures.inc({ job }),
    onStall: (queue) => stalls.inc({ queue }),
  };
}
