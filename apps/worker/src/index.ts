export { openAlerts } from "./channels.ts";
export { backendConfig, type OpenContext, openContext } from "./context.ts";
export { type Config, type LogLevel, logLevels, readConfig } from "./env.ts";
export { createLogger, type Logger } from "./logger.ts";
export { runWorker } from "./main.ts";
export { type Schedules, startSchedules } from "./schedules.ts";
export { untilStopped } from "./shutdown.ts";
export { startWorkers } from "./workers.ts";
