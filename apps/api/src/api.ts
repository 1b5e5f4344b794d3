import type { UserTally } from "@cpa-payouts/db";
import type { Backend } from "@cpa-payouts/jobs";
import type { Context, Readiness } from "@cpa-payouts/pipeline";
import type { Assets } from "./assets.ts";
import type { ApiConfig } from "./env.ts";
import type { Metrics } from "./metrics.ts";

/** What the API is opened with. */
export interface ApiOptions {
  readonly ctx: Context;
  readonly backend: Backend;
  readonly config: ApiConfig;
  /** The folder of Drizzle's migrations, to see whether the database has them all. */
  readonly migrationsFolder: string;
  readonly assets: Assets;
  /** What this process measures of itself, in Prometheus' text format; in a process that works, too, with the worker's figures. */
  readonly processMetrics?: () => Promise<string>;
}

/** What the operations work with. */
export interface Api extends ApiOptions {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  /** {@link tallyUsers}, which reads all users, at most ten seconds old. */
  readonly userTallies: () => Promise<readonly UserTally[]>;
}

/** Whether people reach the API by https: the cookie is then sent over nothing else. */
export function isSecure({ publicUrl, tls }: ApiConfig): boolean {
  return publicUrl ? publicUrl.startsWith("https:") : tls !== null;
}
