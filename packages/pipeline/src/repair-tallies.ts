import { type AuditContext, OperationError } from "@cpa-payouts/core";
import { recountTallies, type TallyDifference } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/** A recount gives way to another one at the same moment; the next finds what that one left, as a rule nothing. */
const TRIES = 5;

/**
 * Recounts the tallies from the invoices and decisions, while the system runs, and corrects those that differ.
 *
 * @returns the groups that differed; empty when all tallies were right
 * @throws OperationError when other recounts ran at the same moment during each attempt
 */
export async function repairTallies(ctx: DataContext, audit: AuditContext): Promise<readonly TallyDifference[]> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const result = await recountTallies(ctx.db, { ...audit, now: ctx.clock() });
    if (result.status === "not-alone") continue;
    const { differences } = result;
    if (differences.length > 0) ctx.log.warn({ groups: differences.length }, "tallies.recounted");
    return differences;
  }
  throw new OperationError("other recounts of the tallies ran at the same moment; nothing was changed, try again");
}
