import type { PaymentDate } from "@cpa-payouts/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../client.ts";
import { fingerprint, openTestData, ruleNetwork, type TestData, type TestUser, testPolicy } from "../testing/index.ts";
import { decideChunk } from "./decide-chunk.ts";
import { openRun } from "./open-run.ts";

const FIRST: PaymentDate = { date: "2026-12-07", kind: "first-monday" };
const MIDDLE: PaymentDate = { date: "2026-12-21", kind: "mid-month" };
const NOW = new Date("2026-12-07T02:00:00Z");

/** The rule written a second time, independently of the product's SQL, from docs/architecture.md, "Who is paid". */
function expectedOf(user: TestUser, kind: PaymentDate["kind"]): string | null {
  if (user.balance === "0") return null;
  if (user.status !== "active") return "inactive";
  if (Number(user.balance) < 100) return "below-minimum";
  if (user.method !== "approved") return "no-approved-method";
  return kind === "mid-month" && user.previousInvoices === 0 ? "first-time-waits" : "pay";
}

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString(), users: ruleNetwork });
});

afterEach(async () => {
  await data.close();
});

async function open(date: PaymentDate): Promise<number> {
  const { run } = await openRun(data.ctx.db, { date, trigger: "manual", policy: testPolicy, actor: "test", now: NOW });
  return run.id;
}

async function decideAll(runId: number, limit: number): Promise<number[]> {
  const chunks: number[] = [];
  for (;;) {
    const { decided, finished } = await decideChunk(data.ctx.db, { runId, limit, now: NOW });
    chunks.push(decided);
    if (finished) return chunks;
  }
}

async function decided(runId: number): Promise<Record<string, string>> {
  const rows = await data.database.sql<{ external_id: string; decision: string; reason: string | null }[]>`
    select external_id, decision, reason from run_decisions d join users u on u.id = d.user_id where run_id = ${runId}`;
  return Object.fromEntries(rows.map((row) => [row.external_id, row.reason ?? row.decision]));
}

function expectedDecisions(kind: PaymentDate["kind"]): Record<string, string> {
  const pairs = ruleNetwork.map((user) => [user.externalId, expectedOf(user, kind)] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== null));
}

describe("decisions of a run", () => {
  it.each([FIRST, MIDDLE])("every user with a balance gets the right decision on $date ($kind)", async (date) => {
    const runId = await open(date);
    await decideAll(runId, 1_000);
    expect(await decided(runId)).toEqual(expectedDecisions(date.kind));
  });

  it.each([1, 5, 32, 95, 96, 97])("a run that decides in chunks of %i makes the same decisions", async (limit) => {
    const runId = await open(FIRST);
    const chunks = await decideAll(runId, limit);
    const owed = 96;
    // A full chunk is never recognised as the last one: an empty one follows.
    expect(chunks).toHaveLength(Math.floor(owed / limit) + 1);
    expect(chunks.reduce((sum, chunk) => sum + chunk, 0)).toBe(owed);
    expect(await decided(runId)).toEqual(expectedDecisions("first-monday"));
  });

  it("deciding resumes after the last chunk, with the data of that moment", async () => {
    const runId = await open(FIRST);
    expect(await decideChunk(data.ctx.db, { runId, limit: 50, now: NOW })).toEqual({ decided: 50, finished: false });
    const [last] = await data.database.sql<{ id: bigint }[]>`select max(user_id) as id from run_decisions`;
    await data.database.sql`update users set status = 'closed' where status = 'active'`;
    expect(await decideChunk(data.ctx.db, { runId, limit: 50, now: NOW })).toEqual({ decided: 46, finished: true });
    const late = await data.database.sql`
      select distinct reason from run_decisions where user_id > ${last?.id.toString() ?? ""}`;
    expect([...late]).toEqual([{ reason: "inactive" }]);
    const early = await data.database.sql`select count(*)::int as count from run_decisions where decision = 'pay'`;
    expect([...early]).toEqual([{ count: 4 }]);
  });

  it("many deciders at once make the same decisions as one", async () => {
    const runId = await open(FIRST);
    const many = connect({ url: data.database.url, max: 8 });
    const chunks = await Promise.all(
      Array.from({ length: 40 }, () => decideChunk(many.db, { runId, limit: 7, now: NOW })),
    );
    await many.close();
    expect(chunks.reduce((sum, chunk) => sum + chunk.decided, 0)).toBe(96);
    expect(await decided(runId)).toEqual(expectedDecisions("first-monday"));
    const [audit] = await data.database.sql`select count(*)::int as count from audit_log where action = 'run.decide'`;
    expect(audit).toEqual({ count: 1 });
  });

  it("deciding does nothing after the last chunk, or for an unknown run", async () => {
    const runId = await open(FIRST);
    await decideAll(runId, 1_000);
    await data.database.sql`update users set status = 'active'`;
    const before = await fingerprint(data.database);
    expect(await decideChunk(data.ctx.db, { runId, limit: 1_000, now: NOW })).toEqual({ decided: 0, finished: true });
    expect(await decideChunk(data.ctx.db, { runId: 999, limit: 1, now: NOW })).toEqual({ decided: 0, finished: true });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a run without users to consider finishes deciding at once", async () => {
    await data.database.sql`update users set balance_cents = 0`;
    const runId = await open(FIRST);
    expect(await decideAll(runId, 10)).toEqual([0]);
    const [run] = await data.database.sql`select state from payment_runs`;
    expect(run).toEqual({ state: "fanning-out" });
  });
});
