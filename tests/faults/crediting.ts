import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@cpa-payouts/db";
import { credit } from "@cpa-payouts/pipeline";
import type { TestFlow } from "@cpa-payouts/pipeline/testing";
import { randomNumbers } from "./network.ts";

/** A few hundred credits a second, which leaves the CPU to the processes under test. */
const PAUSE_MS = 3;

/**
 * Credits users chosen at random, some of them many times, until the signal is aborted.
 *
 * @returns the sum of each user's credits in cents, by external id
 */
export async function creditAllThrough(
  flow: TestFlow,
  externalIds: readonly string[],
  { signal, seed }: { signal: AbortSignal; seed: number },
): Promise<Map<string, number>> {
  const random = randomNumbers(seed);
  const connection = connect({ url: flow.database.url, max: 2 });
  const ctx = { ...flow.ctx, db: connection.db };
  const credited = new Map<string, number>();
  for (let number = 0; !signal.aborted; number += 1) {
    const externalId = externalIds[random(externalIds.length)] as string;
    const cents = 1 + random(5_000);
    await credit(ctx, {
      externalId,
      amountCents: BigInt(cents),
      key: `conversion-${number}`,
      keyOwner: "cli",
      actor: "tracker",
    });
    credited.set(externalId, (credited.get(externalId) ?? 0) + cents);
    await sleep(PAUSE_MS);
  }
  await connection.close();
  return credited;
}
