export type { Backend, BackendConfig, Telemetry, WorkerTuning } from "./backend.ts";
export * from "./catalog.ts";
export * from "./counts.ts";
export { migrateQueue } from "./postgres.ts";
export { isTooLate, openBackend, openQueues, type Queues } from "./queues.ts";
export { nextDailyTick, restoreTicks, scheduleTicks } from "./schedule.ts";
export * from "./worker.ts";
