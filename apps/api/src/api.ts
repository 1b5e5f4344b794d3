import type { Backend } from "@cpa-payouts/jobs";
import type { Context } from "@cpa-payouts/pipeline";
import type { Assets } from "./assets.ts";
import type { ApiConfig } from "./env.ts";

/** What the operations work with. */
export interface Api {
  readonly ctx: Context;
  readonly backend: Backend;
  readonly config: ApiConfig;
  /** The folder of Drizzle's migrations, to see whether the database has them all. */
  readonly migrationsFolder: string;
  readonly assets: Assets;
}

/** Whether people reach the API by https: the cookie is then sent over nothing else. */
export function isSecure({ publicUrl, tls }: ApiConfig): boolean {
  return publicUrl ? publicUrl.startsWith("https:") : tls !== null;
}
