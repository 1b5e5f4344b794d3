export type { Backend, BackendConfig, WorkerTuning } from "./backend.ts";
export * from "./catalog.ts";
export { migrateQueue } from "./postgres.ts";
export { isTooLate, openBackend, openQueues, type Queues } from "./queues.ts";
export { restoreTicks, scheduleTicks } from "./schedule.ts";
export * from "./worker.ts";
