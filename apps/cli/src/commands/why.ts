import { formatCents, InputError, parseLocalDate } from "@cpa-payouts/core";
import { findDecision, findUser, type StoredDecision } from "@cpa-payouts/db";
import { decisionSentence } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";

/**
 * `payouts why`: explains the stored decision for a user, on a payment date or in the latest run that considered the
 * user.
 *
 * @throws InputError for an unknown user
 */
export async function why(cli: Cli, externalId: string, options: { date?: string }): Promise<undefined> {
  const date = options.date === undefined ? null : parseLocalDate(options.date);
  await withDatabase(cli, async (ctx) => {
    const user = await findUser(ctx.db, externalId);
    if (!user) throw new InputError(`there is no user ${externalId}`);
    const decision = await findDecision(ctx.db, user.id, date ?? undefined);
    await cli.output.object(toOutput(externalId, date, decision), () => [
      decision
        ? decisionSentence(externalId, decision)
        : `${externalId} was not considered ${date ? `on ${date}` : "by any run yet"}: a run considers users who are owed something when it decides`,
    ]);
  });
}

/** The keys are the same without a decision; then every value but the user and the date asked for is null. */
function toOutput(externalId: string, date: string | null, decision: StoredDecision | null) {
  return {
    externalId,
    paymentDate: decision?.paymentDate ?? date,
    decision: decision?.decision ?? null,
    reason: decision?.reason ?? null,
    balance: decision ? formatCents(decision.balanceCents) : null,
    outcome: decision?.outcome ?? null,
    invoiceNumber: decision?.invoiceNumber ?? null,
  };
}
