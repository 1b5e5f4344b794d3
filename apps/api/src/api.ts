import type { AccessContext, PasswordCost, WorkQueue } from "@cpa-payouts/access";
import type { UserTally } from "@cpa-payouts/db";
import type { Backend } from "@cpa-payouts/jobs";
import type { Context, Readiness } from "@cpa-payouts/pipeline";
import type { Assets } from "./assets.ts";
import type { ApiConfig } from "./env.ts";
import type { Metrics } from "./metrics.ts";
import type { CountStream } from "./streams.ts";

/** Everything that the API server is created with. */
export interface ApiOptions {
  readonly ctx: Context;
  readonly backend: Backend;
  readonly config: ApiConfig;
  /** The folder of Drizzle's migrations; readiness checks that the database has every one of them. */
  readonly migrationsFolder: string;
  readonly assets: Assets;
  /** This process's own metrics, in Prometheus' text format; includes the worker's if one runs in the same process. */
  readonly processMetrics?: () => Promise<string>;
  /** The cost of new password hashes, and of the response to an unknown e-mail; the full cost if it is left out. */
  readonly passwordCost?: PasswordCost;
  /** Where passwords are hashed; by default a queue that leaves a core of this machine free. */
  readonly hashing?: WorkQueue;
}

/** What every operation handler receives. */
export interface Api extends ApiOptions {
  /** What the functions of `@cpa-payouts/access` need. */
  readonly access: AccessContext;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  /** `tallyUsers`, which scans all users, cached for ten seconds. */
  readonly userTallies: () => Promise<readonly UserTally[]>;
  readonly countStream: CountStream;
}

/** Whether clients reach the API over https; the session cookie is then marked `Secure`. */
export function isSecure({ publicUrl, tls }: ApiConfig): boolean {
  return publicUrl ? publicUrl.startsWith("https:") : tls !== null;
}
