export { type Backend, type BackendConfig, type WorkerTuning, workerOptions } from "./backend.ts";
export * from "./catalog.ts";
export { migrateQueue } from "./postgres.ts";
export { openBackend, openQueues, type Queues } from "./queues.ts";
export { restoreTicks, scheduleTicks } from "./schedule.ts";
export * from "./worker.ts";
