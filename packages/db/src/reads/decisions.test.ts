import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decidedRun, openTestData, ruleNetwork, type TestData } from "../testing/index.ts";
import { countOpenDecisions, findDecision } from "./decisions.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ users: ruleNetwork });
});

afterEach(async () => {
  await data.close();
});

describe("stored decisions", () => {
  it("a stored decision says why a user was not paid, with the balance and the minimum of that moment", async () => {
    await decidedRun(data.ctx, "2026-12-07");
    const [user] = await data.database.sql<{ id: bigint }[]>`
      select id from users where external_id = 'active-99.99-approved-1'`;
    const userId = Number(user?.id);
    expect(await findDecision(data.ctx.db, userId)).toMatchObject({
      paymentDate: "2026-12-07",
      decision: "skip",
      reason: "below-minimum",
      balanceCents: 99_99n,
      minimumBalanceCents: 100_00n,
      outcome: "skipped",
      invoiceNumber: null,
    });
    expect(await findDecision(data.ctx.db, userId, "2026-12-21")).toBeNull();
  });

  it("open decisions are counted, in total or up to a user", async () => {
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    const rows = await data.database.sql<{ user_id: bigint }[]>`
      select user_id from run_decisions where outcome = 'open' order by user_id`;
    const ids = rows.map(({ user_id }) => Number(user_id));
    expect(await countOpenDecisions(data.ctx.db, runId)).toBe(ids.length);
    expect(await countOpenDecisions(data.ctx.db, runId, ids[1])).toBe(2);
    expect(await countOpenDecisions(data.ctx.db, runId, 0)).toBe(0);
  });
});
