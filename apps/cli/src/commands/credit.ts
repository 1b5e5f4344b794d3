import { defined, dollars, formatCents, parseCents } from "@cpa-payouts/core";
import { credit } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";

/**
 * `payouts credit`: adds a conversion's earnings to a balance, once per key.
 *
 * @param amount dollars with at most two decimals, such as `12.50`
 * @throws InputError for a bad amount or key, or an unknown user
 */
export async function creditUser(
  cli: Cli,
  externalId: string,
  amount: string,
  { key, note }: { key: string; note?: string },
): Promise<undefined> {
  const amountCents = parseCents(amount);
  await withDatabase(cli, async (ctx) => {
    const input = defined({ externalId, amountCents, key, actor: cli.actor, note });
    const { status, balanceCents } = await credit(ctx, input);
    const answer = { externalId, status, amount: formatCents(amountCents), balance: formatCents(balanceCents) };
    await cli.output.object(answer, () => [
      status === "credited"
        ? `Credited ${dollars(amountCents)} to ${externalId}; the balance is ${dollars(balanceCents)}`
        : `The key "${key}" was credited before, nothing was added; the balance is ${dollars(balanceCents)}`,
    ]);
  });
}
