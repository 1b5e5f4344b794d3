import { createLogger, readConfig, untilStopped } from "@cpa-payouts/runtime";
import { runWorker } from "@cpa-payouts/worker";

/**
 * `payouts worker` with one difference: the jobs of a killed worker are taken up after seconds instead of half a minute,
 * so that in a storm of kills the same job meets several of them. The only argument is the instant to pretend.
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
