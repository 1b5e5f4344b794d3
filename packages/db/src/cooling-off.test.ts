import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { previewDecisions } from "./reads/decision-preview.ts";
import { findDecision } from "./reads/decisions.ts";
import { createInvoices } from "./statements/create-invoices.ts";
import { updateSettings } from "./statements/update-settings.ts";
import { decidedRun, openTestData, type TestData, testPolicy, userIds } from "./testing/index.ts";

const RUN_DAY = "2026-12-07T02:00:00Z";

let data: TestData;
let ids: Record<string, number>;

beforeEach(async () => {
  data = await openTestData({
    now: "2026-11-01T00:00:00Z",
    users: [
      { externalId: "steady" },
      { externalId: "moved" },
      { externalId: "moved-long-ago" },
      { externalId: "new", method: null },
    ],
  });
  ids = await userIds(data.database);
  await approve("moved-long-ago", "2026-11-30T01:59:59Z");
  await approve("moved", "2026-11-30T02:00:01Z");
  await approve("new", "2026-12-06T00:00:00Z");
  await updateSettings(data.ctx.db, { actor: "test", coolingOffDays: 7, now: data.clock() });
  data.clock.set(RUN_DAY);
});

afterEach(async () => {
  await data.close();
});

/** Replaces the address of a user by one that was given at an instant and is approved. */
async function approve(user: string, at: string): Promise<void> {
  const { sql } = data.database;
  await sql`update payment_methods set status = 'replaced' where user_id = ${ids[user] ?? 0}`;
  await sql`
    insert into payment_methods (user_id, binance_email, status, created_at)
    values (${ids[user] ?? 0}, ${`${user}-2@pay.example.com`}, 'approved', ${at})`;
}

const reasonOf = async (user: string) => (await findDecision(data.ctx.db, ids[user] ?? 0))?.reason;

describe("cooling-off of a changed Binance e-mail", () => {
  it("a user who changed their Binance e-mail within the cooling-off is skipped, one who gave a first one is not", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    expect(run.coolingOffDays).toBe(7);
    expect(await reasonOf("moved")).toBe("method-in-cooling-off");
    for (const user of ["steady", "moved-long-ago", "new"]) expect(await reasonOf(user)).toBeNull();
  });

  it("the preview counts the users in cooling-off", async () => {
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    const { minimumBalanceCents } = testPolicy;
    expect(await previewDecisions(data.ctx.db, { date, minimumBalanceCents, now: data.clock() })).toMatchObject({
      invoiced: 3,
      skipped: { "method-in-cooling-off": 1 },
    });
  });

  it("a user who changes their Binance e-mail during the run is skipped when the invoice is created", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    await approve("steady", "2026-12-07T02:30:00Z");
    const created = await createInvoices(data.ctx.db, { runId: run.id, userIds: [ids.steady ?? 0], now: data.clock() });
    expect(created).toEqual([{ userId: ids.steady, outcome: "skipped", reason: "method-in-cooling-off" }]);
  });

  it("a run keeps the cooling-off it was opened with", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    await updateSettings(data.ctx.db, { actor: "test", coolingOffDays: 365, now: data.clock() });
    const userIds = [ids["moved-long-ago"] ?? 0];
    expect(await createInvoices(data.ctx.db, { runId: run.id, userIds, now: data.clock() })).toMatchObject([
      { outcome: "invoiced" },
    ]);
  });

  it("a cooling-off of 0 days skips no user", async () => {
    await updateSettings(data.ctx.db, { actor: "test", coolingOffDays: 0, now: data.clock() });
    await decidedRun(data.ctx, "2026-12-07");
    expect(await reasonOf("moved")).toBeNull();
  });
});
