import { type Patience, retryWithBackoff } from "@cpa-payouts/core";
import { databaseErrorOf } from "./errors.ts";

/** Serialization failure and deadlock: PostgreSQL rolled the statement back so that another one could go on. */
const VICTIM_CODES = ["40001", "40P01"];

/** 0.3 seconds in total, beside the second after which PostgreSQL looks for a deadlock each time. */
const PATIENCE: Patience = { attempts: 5, pauseMs: 30 };

/**
 * Runs a statement again when PostgreSQL chose it as the victim of a deadlock. Statements take their locks in one order
 * (docs/architecture.md, "Locks"), so this is rare: it takes a transaction of another program, or a plan that visits rows in another order.
 *
 * Running it again is safe because a statement is a transaction of its own: a victim has changed nothing.
 *
 * @param patience how often and after which pauses; for a whole transaction, longer ones
 * @throws the error of the last attempt, and every other error at once
 */
export function retryDeadlocks<T>(statement: () => Promise<T>, patience: Patience = PATIENCE): Promise<T> {
  const isWorthRetrying = (error: unknown) => VICTIM_CODES.includes(databaseErrorOf(error)?.code ?? "");
  return retryWithBackoff(statement, { ...patience, isWorthRetrying });
}
