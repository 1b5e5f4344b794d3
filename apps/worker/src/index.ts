export { runWorker } from "./main.ts";
export { openProcessMetrics, type ProcessMetrics } from "./metrics.ts";
export { type Schedules, startSchedules } from "./schedules.ts";
export { startWorkers } from "./workers.ts";
