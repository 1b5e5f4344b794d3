import { testPolicy } from "@cpa-payouts/db/testing";
import { describe, expect, it } from "vitest";
import { findEarliestRequestable, readRunnableDate } from "./read-runnable-date.ts";
import { openTestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";

const ctx = { clock: () => new Date("2026-12-10T12:00:00Z"), policy: testPolicy };

describe("the date of a run that an administrator orders", () => {
  it("a payment date that has come may be run, with its kind", () => {
    expect(readRunnableDate(ctx, "2026-12-07")).toEqual({
      status: "runnable",
      date: { date: "2026-12-07", kind: "first-monday" },
    });
  });

  it("a date in the future is refused, whether it is a payment date or not", () => {
    const refused = { status: "future", today: "2026-12-10" };
    expect(readRunnableDate(ctx, "2026-12-21")).toEqual({ ...refused, date: "2026-12-21", kind: "mid-month" });
    expect(readRunnableDate(ctx, "2026-12-22")).toEqual({ ...refused, date: "2026-12-22", kind: null });
  });

  it("a date before the earliest is refused, by default one before the year 2000", () => {
    const date = "1950-01-02";
    expect(readRunnableDate(ctx, date)).toEqual({ status: "too-old", date, earliest: "2000-01-01" });
    expect(readRunnableDate(ctx, "2000-01-03")).toMatchObject({ status: "runnable" });
    expect(readRunnableDate(ctx, "2026-12-07", "2026-12-08")).toMatchObject({ status: "too-old" });
    expect(readRunnableDate(ctx, "2026-12-07", "2026-12-07")).toMatchObject({ status: "runnable" });
  });

  it("through the API the earliest date is that of going live, and a date of today or a year ago if that is earlier", async () => {
    const flow = await openTestFlow({ kind: "postgres", now: "2026-12-07T12:00:00Z" });
    expect(await findEarliestRequestable(flow.ctx)).toBe("2026-12-07");
    await tick(flow.ctx);
    expect(await findEarliestRequestable(flow.ctx)).toBe("2026-12-07");
    flow.clock.set("2027-03-01T12:00:00Z");
    expect(await findEarliestRequestable(flow.ctx)).toBe("2026-12-08");
    flow.clock.set("2028-12-31T12:00:00Z");
    expect(await findEarliestRequestable(flow.ctx)).toBe("2027-12-31");
    await flow.close();
  });

  it("a day that is not a payment date is refused; without a date it is today that counts", () => {
    expect(readRunnableDate(ctx, "2026-12-08")).toEqual({ status: "not-a-payment-date", date: "2026-12-08" });
    expect(readRunnableDate(ctx)).toEqual({ status: "not-a-payment-date", date: "2026-12-10" });
  });
});
