/** What the entry points share: environment, connections, logger, tracing, set-up checks, shutdown. */
export { openAlerts } from "./alerts.ts";
export { backendConfig, type OpenContext, openContext } from "./context.ts";
export { type Config, readConfig } from "./env.ts";
export * from "./environment.ts";
export { createLogger, type Logger } from "./logger.ts";
export { queueErrorLogger } from "./queue-errors.ts";
export { type Closing, reportSlowClosing, untilStopped } from "./shutdown.ts";
export { startTracing, type Tracing } from "./tracing.ts";
