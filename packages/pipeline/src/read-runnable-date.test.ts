import { testPolicy } from "@cpa-payouts/db/testing";
import { describe, expect, it } from "vitest";
import { readRunnableDate } from "./read-runnable-date.ts";

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

  it("a day that is not a payment date is refused; without a date it is today that counts", () => {
    expect(readRunnableDate(ctx, "2026-12-08")).toEqual({ status: "not-a-payment-date", date: "2026-12-08" });
    expect(readRunnableDate(ctx)).toEqual({ status: "not-a-payment-date", date: "2026-12-10" });
  });
});
