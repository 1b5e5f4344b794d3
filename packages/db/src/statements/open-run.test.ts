import type { PaymentDate } from "@cpa-payouts/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../client.ts";
import { findViolations } from "../reads/invariants.ts";
import { openTestData, type TestData, testPolicy } from "../testing/index.ts";
import { openRun } from "./open-run.ts";

const DATE: PaymentDate = { date: "2026-12-07", kind: "first-monday" };
const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString(), users: [{ externalId: "a" }, { externalId: "b" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const input = { date: DATE, trigger: "schedule", policy: testPolicy, actor: "test", now: NOW } as const;

describe("opening of a run", () => {
  it("a run is opened once per payment date, however many processes try at once", async () => {
    const many = connect({ url: data.database.url, max: 16 });
    const results = await Promise.all(Array.from({ length: 20 }, () => openRun(many.db, input)));
    await many.close();
    expect(results.filter(({ opened }) => opened)).toHaveLength(1);
    expect(new Set(results.map(({ run }) => run.id)).size).toBe(1);
    const audit = await data.database.sql`select actor, object, after from audit_log where action = 'run.open'`;
    expect([...audit]).toEqual([
      {
        actor: "test",
        object: "run:2026-12-07",
        after: { kind: "first-monday", trigger: "schedule", state: "deciding" },
      },
    ]);
  });

  it("a run keeps the policy it was opened with", async () => {
    await openRun(data.ctx.db, input);
    const later = { ...testPolicy, minimumBalanceCents: 1n };
    const { run } = await openRun(data.ctx.db, { ...input, policy: later, trigger: "manual" });
    expect(run).toMatchObject({
      trigger: "schedule",
      minimumBalanceCents: 100_00n,
      policy: { timeZone: "UTC", tickCron: "0 2 * * *", minimumBalance: "100.00", catchUpDays: 7 },
    });
  });
});
