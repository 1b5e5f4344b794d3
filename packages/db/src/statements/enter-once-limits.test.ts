import { CEILING_CENTS } from "@cpa-payouts/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { fingerprint, openTestData, type TestData } from "../testing/index.ts";
import { creditUser } from "./credit-user.ts";
import { enterAdjustment } from "./enter-adjustment.ts";
import type { AmountLimit } from "./enter-once.ts";
import { updateSettings } from "./update-settings.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;
let keys = 0;

beforeEach(async () => {
  data = await openTestData({ users: [{ externalId: "a", balance: "0" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const entry = (amountCents: bigint, key = `key-${++keys}`) => ({
  externalId: "a",
  amountCents,
  key,
  keyOwner: "cli" as const,
  note: "test",
  actor: "test",
  now: NOW,
});
const credit = (amountCents: bigint, key?: string) => creditUser(data.ctx.db, entry(amountCents, key));
const adjust = (amountCents: bigint, key?: string) => enterAdjustment(data.ctx.db, entry(amountCents, key));
const limitTo = (largestEntryCents: bigint, largestBalanceCents: bigint) =>
  updateSettings(data.ctx.db, { actor: "test", largestEntryCents, largestBalanceCents, now: NOW });

/** Gives the user a balance that the limits of today would not allow. */
async function withBalance(cents: bigint): Promise<void> {
  await limitTo(CEILING_CENTS, CEILING_CENTS);
  if (cents !== 0n) expect(await adjust(cents)).toMatchObject({ status: "credited" });
}

describe("limits of amounts", () => {
  it.each<{ before: bigint; amount: bigint; expected: "made" | `refused by the ${AmountLimit}` }>([
    { before: 0n, amount: 500n, expected: "made" },
    { before: 0n, amount: 501n, expected: "refused by the largest-entry" },
    { before: 0n, amount: -500n, expected: "made" },
    { before: 0n, amount: -501n, expected: "refused by the largest-entry" },
    { before: 600n, amount: 400n, expected: "made" },
    { before: 600n, amount: 401n, expected: "refused by the largest-balance" },
    { before: -600n, amount: -400n, expected: "made" },
    { before: -600n, amount: -401n, expected: "refused by the largest-balance" },
    // Balances from before the limits: only what takes them further away is refused.
    { before: 5_000n, amount: 1n, expected: "refused by the largest-balance" },
    { before: 5_000n, amount: -500n, expected: "made" },
    { before: -5_000n, amount: -1n, expected: "refused by the largest-balance" },
    { before: -5_000n, amount: 500n, expected: "made" },
  ])(
    "with limits of 500 and 1,000, an adjustment of $amount to a balance of $before is $expected",
    async ({ before, amount, expected }) => {
      await withBalance(before);
      await limitTo(500n, 1_000n);
      const stored = await fingerprint(data.database);
      const result = await adjust(amount);
      if (expected === "made") {
        expect(result).toEqual({ status: "credited", balanceCents: before + amount });
      } else {
        const limit = expected.replace("refused by the ", "");
        const limitCents = limit === "largest-entry" ? 500n : 1_000n;
        expect(result).toEqual({ status: "above-limit", limit, limitCents, balanceCents: before });
        expect(await fingerprint(data.database)).toEqual(stored);
      }
    },
  );

  it("an adjustment does not take a balance beyond the limit on the other side of zero", async () => {
    await withBalance(2_000n);
    await limitTo(CEILING_CENTS, 1_000n);
    expect(await adjust(-3_000n)).toMatchObject({ status: "credited", balanceCents: -1_000n });
    await withBalance(3_000n);
    await limitTo(CEILING_CENTS, 1_000n);
    expect(await adjust(-3_001n)).toMatchObject({ status: "above-limit", limit: "largest-balance" });
  });

  it("credits of one user at the same moment reach the largest balance and do not pass it", async () => {
    await limitTo(300n, 1_000n);
    const results = await Promise.all(Array.from({ length: 12 }, () => credit(300n)));
    const made = results.filter(({ status }) => status === "credited");
    expect(made).toHaveLength(3);
    expect(results.filter(({ status }) => status === "above-limit")).toHaveLength(9);
  });

  it("a credit that is sent again is answered as before, although the limits were lowered in between", async () => {
    await credit(900_00n, "conversion");
    await limitTo(1n, 1n);
    expect(await credit(900_00n, "conversion")).toEqual({ status: "already-credited", balanceCents: 900_00n });
    expect(await credit(901_00n, "conversion")).toEqual({ status: "key-conflict" });
  });

  it("no path stores a balance or an entry beyond the ceiling, on either side of zero", async () => {
    const { sql } = data.database;
    for (const beyond of [CEILING_CENTS + 1n, -CEILING_CENTS - 1n]) {
      const cents = beyond.toString();
      await expect(sql`update users set balance_cents = ${cents}::bigint`).rejects.toThrow(/users_balance_ceiling/);
      await expect(
        sql`insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
          values (1, 'adjustment', ${cents}::bigint, 'test', 'test', now())`,
      ).rejects.toThrow(/ledger_entries_ceiling/);
    }
  });

  it.each(["largestEntryCents", "largestBalanceCents"] as const)(
    "the setting %s is above zero and not above the ceiling",
    async (setting) => {
      const change = (cents: bigint) => updateSettings(data.ctx.db, { actor: "test", [setting]: cents, now: NOW });
      await expect(change(0n)).rejects.toThrow(/settings_largest/);
      await expect(change(CEILING_CENTS + 1n)).rejects.toThrow(/settings_largest/);
      await expect(change(CEILING_CENTS)).resolves.toBe("changed");
    },
  );
});
