import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "./errors.ts";
import {
  addDays,
  addMonths,
  latestPaymentDate,
  nextPaymentDate,
  type PaymentDate,
  parseLocalDate,
  paymentDatesBetween,
  paymentDatesOfMonth,
  paymentKindOf,
} from "./payment-calendar.ts";

/** Payment dates computed by another program. */
const vectors = readFileSync(new URL("./testdata/payment-dates.csv", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [date = "", kind = ""] = line.split(",");
    return { date, kind };
  });

/** A calendar day computed with `Date`, independently of the library that the product uses. */
function dayOf(year: number, month: number, day: number): { date: string; isMonday: boolean } {
  const utc = new Date(Date.UTC(year, month - 1, day));
  return { date: utc.toISOString().slice(0, 10), isMonday: utc.getUTCDay() === 1 };
}

function mondaysAmong(year: number, month: number, firstDay: number, lastDay: number): string[] {
  const days = Array.from({ length: lastDay - firstDay + 1 }, (_, index) => dayOf(year, month, firstDay + index));
  return days.filter(({ isMonday }) => isMonday).map(({ date }) => date);
}

const everyMonth = Array.from({ length: (2200 - 1970 + 1) * 12 }, (_, index) => ({
  year: 1970 + Math.floor(index / 12),
  month: (index % 12) + 1,
}));

describe("payment calendar", () => {
  it("288 payment dates agree with those computed by another program", () => {
    expect(vectors.length).toBe(288);
    const first = vectors[0]?.date ?? "";
    const last = vectors.at(-1)?.date ?? "";
    expect(paymentDatesBetween(first, last)).toEqual(vectors);
    for (const { date, kind } of vectors) expect([date, paymentKindOf(date)]).toEqual([date, kind]);
  });

  it("every month from 1970 to 2200 pays on its Monday of days 1 to 7 and its Monday of days 16 to 22", () => {
    for (const { year, month } of everyMonth) {
      const expected = [...mondaysAmong(year, month, 1, 7), ...mondaysAmong(year, month, 16, 22)];
      expect(paymentDatesOfMonth(year, month).map(({ date }) => date)).toEqual(expected);
    }
  });

  it("the first date of each month is of kind first-monday, the second of kind mid-month", () => {
    for (const { year, month } of everyMonth) {
      const [first, second] = paymentDatesOfMonth(year, month);
      expect([first.kind, second.kind]).toEqual(["first-monday", "mid-month"]);
      expect([paymentKindOf(first.date), paymentKindOf(second.date)]).toEqual(["first-monday", "mid-month"]);
    }
  });

  it("no other day is a payment date", () => {
    const dates = new Set(paymentDatesBetween("2024-01-01", "2028-12-31").map(({ date }) => date));
    for (let day = "2024-01-01"; day <= "2028-12-31"; day = addDays(day, 1))
      expect([day, paymentKindOf(day) !== null]).toEqual([day, dates.has(day)]);
  });

  it.each(["2026-12-06", "2026-12-08", "2026-12-14", "2026-12-15", "2026-12-28"])("%s is no payment date", (date) => {
    expect(paymentKindOf(date)).toBeNull();
  });
});

/** Every payment date of the years that the property tests cover, oldest first, with a margin on both sides. */
const allDates: readonly PaymentDate[] = everyMonth.flatMap(({ year, month }) => paymentDatesOfMonth(year, month));
const anyDay = fc
  .integer({ min: Date.UTC(1971, 0, 1) / 86_400_000, max: Date.UTC(2197, 11, 31) / 86_400_000 })
  .map((days) => new Date(days * 86_400_000).toISOString().slice(0, 10));

describe("payment dates around a day", () => {
  it("the payment dates between two days include both ends", () => {
    fc.assert(
      fc.property(anyDay, fc.integer({ min: -40, max: 800 }), (from, days) => {
        const to = addDays(from, days);
        expect(paymentDatesBetween(from, to)).toEqual(allDates.filter(({ date }) => from <= date && date <= to));
      }),
    );
  });

  it("the next payment date is strictly after a day, the latest one on or before it", () => {
    fc.assert(
      fc.property(anyDay, (day) => {
        expect(nextPaymentDate(day)).toEqual(allDates.find(({ date }) => date > day));
        expect(latestPaymentDate(day)).toEqual(allDates.findLast(({ date }) => date <= day));
      }),
    );
  });

  it("on a payment date, that date is the latest one and the following one is next", () => {
    expect(latestPaymentDate("2026-12-07")).toEqual({ date: "2026-12-07", kind: "first-monday" });
    expect(nextPaymentDate("2026-12-07")).toEqual({ date: "2026-12-21", kind: "mid-month" });
  });

  it("the next payment date is found across the longest possible gap of three weeks", () => {
    // A month that begins on a Sunday pays on the 16th; from there it is three weeks to the 7th.
    expect(nextPaymentDate("2026-11-16")).toEqual({ date: "2026-12-07", kind: "first-monday" });
    expect(latestPaymentDate("2026-12-06")).toEqual({ date: "2026-11-16", kind: "mid-month" });
  });

  it("a range without payment dates, or with its ends swapped, has no payment dates", () => {
    expect(paymentDatesBetween("2026-12-08", "2026-12-20")).toEqual([]);
    expect(paymentDatesBetween("2026-12-31", "2026-12-01")).toEqual([]);
    expect(paymentDatesBetween("2027-06-01", "2026-01-01")).toEqual([]);
  });
});

describe("date input", () => {
  it.each(["2026-12-07", "2024-02-29", "2000-02-29", "1900-01-01", "2999-12-31"])("%s is a valid date", (text) => {
    expect(parseLocalDate(text)).toBe(text);
  });

  it.each([
    ["2026-02-30", "there is no such day"],
    ["2025-02-29", "there is no such day"],
    ["1900-02-29", "there is no such day"],
    ["2026-13-01", "there is no such day"],
    ["9999-12-31", "write a year from 1900 to 2999"],
    ["0000-01-01", "write a year from 1900 to 2999"],
    ["2026-00-10", "there is no such day"],
    ["2026-12-00", "there is no such day"],
    ["12/07/2026", "write YYYY-MM-DD"],
    ["2026-12-7", "write YYYY-MM-DD"],
    ["20261207", "write YYYY-MM-DD"],
    ["2026-12-07T02:00:00Z", "write YYYY-MM-DD"],
    [" 2026-12-07", "write YYYY-MM-DD"],
    ["2026-12-07\n", "write YYYY-MM-DD"],
    ["+002026-12-07", "write YYYY-MM-DD"],
    ["today", "write YYYY-MM-DD"],
    ["", "write YYYY-MM-DD"],
  ])("%j is refused as a date: %s", (text, reason) => {
    expect(() => parseLocalDate(text)).toThrow(InputError);
    expect(() => parseLocalDate(text)).toThrow(reason);
  });

  it("adding days crosses months and years, adding months keeps to the end of a shorter month", () => {
    expect(addDays("2024-02-28", 2)).toBe("2024-03-01");
    expect(addDays("2026-01-01", -1)).toBe("2025-12-31");
    expect(addMonths("2026-01-31", 1)).toBe("2026-02-28");
    expect(addMonths("2026-01-31", 12)).toBe("2027-01-31");
  });
});
