import type { Clock, Log } from "@cpa-payouts/core";
import type { Db } from "@cpa-payouts/db";
import type { PasswordCost } from "./passwords.ts";

/** The dependencies of the functions of this package. */
export interface AccessContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** The cost of new password hashes; the full cost if it is left out. */
  readonly passwordCost?: PasswordCost;
}
