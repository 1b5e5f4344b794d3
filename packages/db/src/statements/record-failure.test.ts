import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { decidedRun, fingerprint, openTestData, type TestData } from "../testing/index.ts";
import { createInvoices } from "./create-invoices.ts";
import { recordFailure } from "./record-failure.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString(), users: [{ externalId: "a" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

describe("failure of a job", () => {
  it("a failure is not recorded for a decision that was settled in the meantime", async () => {
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    await createInvoices(data.ctx.db, { runId, userIds: [1], now: NOW });
    const before = await fingerprint(data.database);
    expect(await recordFailure(data.ctx.db, { runId, userId: 1, error: "no luck", now: NOW })).toBe(false);
    expect(await fingerprint(data.database)).toEqual(before);
  });
});
