import { createLogger, readConfig, untilStopped } from "@cpa-payouts/runtime";
import { runWorker } from "@cpa-payouts/worker";

/**
 * `payouts worker` with one difference: another worker takes over the jobs of a killed one after seconds instead of up to 45
 * seconds, so that a storm kills several workers of the same job. The only argument is the simulated instant.
 */
const [now = ""] = process.argv.slice(2);
const clock = () => new Date(now);
const config = readConfig(process.env, clock());
const log = createLogger({ level: config.logLevel ?? "info", isTerminal: false });
const recovery = { lockDurationMs: 2_000, stalledIntervalMs: 1_000 };
const databaseUrl = config.databaseUrl ?? "";
await untilStopped(log, (stopped) =>
  runWorker({ config, databaseUrl, clock, log, migrationsFolder: "drizzle", stopped, recovery }),
);
