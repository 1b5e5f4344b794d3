import { auditRefusedCodes, auditSignInFailures, pruneSignIns } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/** Deleting so many rows takes a tick a fraction of a second. */
const PRUNED_BY_A_TICK = 20_000;

/** Writes the failed sign-ins of past hours, and right passwords without a right code, to the audit log, and deletes counts and devices that have expired. */
export async function tidySignIns({ db, clock }: Pick<DataContext, "db" | "clock">): Promise<void> {
  const now = clock();
  await auditSignInFailures(db, now);
  await auditRefusedCodes(db, now);
  await pruneSignIns(db, { now, limit: PRUNED_BY_A_TICK });
}
