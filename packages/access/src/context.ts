import type { Clock, Log } from "@cpa-payouts/core";
import type { Db } from "@cpa-payouts/db";
import type { PasswordCost } from "./passwords.ts";
import type { Urgency, WorkQueue } from "./work-queue.ts";

/** The dependencies of the functions of this package. */
export interface AccessContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** The cost of new password hashes; the full cost if it is left out. */
  readonly passwordCost?: PasswordCost;
  /** Where passwords are hashed. Without it they are hashed at once, as the command line does. */
  readonly hashing?: WorkQueue;
}

/** Whose passwords are hashed. */
export interface Turn {
  readonly urgency: Urgency;
  /** The administrator; left out for one who is not known to be that. */
  readonly person?: string;
}

/** Hashes passwords in the context's queue. @throws BusyError when its turn did not come in time */
export function inQueue<T>({ hashing }: AccessContext, { urgency, person }: Turn, work: () => Promise<T>): Promise<T> {
  return hashing ? hashing.run(work, urgency, person) : work();
}
