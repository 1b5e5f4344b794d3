import type { Clock, Log } from "@cpa-payouts/core";
import type { Db } from "../index.ts";

/** What functions that use the database only take; fits the contexts of the packages above. */
export interface DataTestContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}
