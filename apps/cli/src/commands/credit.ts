import { defined, dollars, formatCents, InputError, parseCents } from "@cpa-payouts/core";
import { credit } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";

/**
 * `payouts credit`: adds a conversion's earnings to a balance, once per key. The keys of the API's callers are theirs.
 *
 * @param amount dollars with at most two decimals, such as `12.50`
 * @throws InputError for a bad amount or key, an unknown user, a key that was used for another user or amount, or an
 *   amount above a limit of the settings
 */
export async function addCredit(
  cli: Cli,
  externalId: string,
  amount: string,
  { key, note }: { key: string; note?: string },
): Promise<undefined> {
  const amountCents = parseCents(amount);
  await withDatabase(cli, async (ctx) => {
    const input = defined({ externalId, amountCents, key, keyOwner: "cli", actor: cli.actor, note } as const);
    const outcome = await credit(ctx, input);
    if (outcome.status === "unknown-user") throw new InputError(`there is no user ${externalId}`);
    if (outcome.status === "key-conflict")
      throw new InputError(`the key "${key}" was used for another user or amount; nothing was credited`);
    if (outcome.status === "key-reserved")
      throw new InputError(
        `the key "${key}" was used through the API in an older version; nothing was credited, use another key`,
      );
    if (outcome.status === "above-limit") throw new InputError(outcome.message);
    const { status, balanceCents } = outcome;
    const result = { externalId, status, amount: formatCents(amountCents), balance: formatCents(balanceCents) };
    await cli.output.object(result, () => [
      status === "credited"
        ? `Credited ${dollars(amountCents)} to ${externalId}; the balance is ${dollars(balanceCents)}`
        : `The key "${key}" was credited before, nothing was added; the balance is ${dollars(balanceCents)}`,
    ]);
  });
}
