import type { JobName, QueueName } from "@cpa-payouts/jobs";
import type { OnInvoiceBatch } from "@cpa-payouts/pipeline";
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

/** The metrics of one process: memory, CPU, event loop lag, and the jobs if it is a worker. */
export interface ProcessMetrics {
  readonly registry: Registry;
  /** In Prometheus' text format. */
  text(): Promise<string>;
}

/** Opens the metrics of this process. Call it once: its observers of garbage collection and event loop never stop. */
export function openProcessMetrics(): ProcessMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return { registry, text: () => registry.metrics() };
}

/** Records the work of a worker: counts and durations only, because the metrics port has no sign-in. */
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

/** Up to 500, the most jobs in a batch, in steps that show how full batches are. */
const JOBS_BUCKETS = [1, 2, 5, 10, 25, 50, 100, 200, 300, 400, 500];
const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Adds the metrics of a worker to a registry. */
export function openWorkerMeter(registry: Registry): WorkerMeter {
  const registers = [registry];
  const batchJobs = new Histogram({
    name: "payouts_invoice_batch_jobs",
    help: "create-invoice jobs per SQL statement (batch); the sum is the number of jobs",
    buckets: JOBS_BUCKETS,
    registers,
  });
  const batchSeconds = new Histogram({
    name: "payouts_invoice_batch_duration_seconds",
    help: "Duration of a batch in the database",
    labelNames: ["result"],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const counter = <L extends string>(name: string, help: string, label: L) =>
    new Counter({ name, help, labelNames: [label], registers });
  const retries = counter("payouts_job_retries_total", "Failed attempts of jobs that are tried again", "job");
  const failures = counter("payouts_job_failures_total", "Jobs that failed for the last time", "job");
  const stalls = counter("payouts_job_stalls_total", "Jobs taken back from a dead or disconnected worker", "queue");
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
