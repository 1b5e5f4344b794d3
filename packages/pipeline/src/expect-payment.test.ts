import type { Policy } from "@cpa-payouts/core";
import { findDecision, findUser, type User, updateSettings } from "@cpa-payouts/db";
import { decidedRun, openTestData, type TestData, type TestUser, testPolicy } from "@cpa-payouts/db/testing";
import { afterEach, describe, expect, it } from "vitest";
import { type ExpectedPayment, expectPayment } from "./expect-payment.ts";

const COOLING_OFF_DAYS = 7;

let data: TestData;

afterEach(async () => {
  await data.close();
});

interface Candidate {
  readonly user?: Omit<TestUser, "externalId">;
  /** The instant at which the user replaced the address by the approved one. */
  readonly changedAt?: string;
}

/** Opens a database with these users, a cooling-off of seven days, and the clock at `now`. */
async function openWith(candidates: Readonly<Record<string, Candidate>>, now: string): Promise<void> {
  const users = Object.entries(candidates).map(([externalId, { user }]) => ({ externalId, ...user }));
  data = await openTestData({ now, users });
  for (const [externalId, { changedAt }] of Object.entries(candidates))
    if (changedAt) await changeAddress(externalId, changedAt);
  await updateSettings(data.ctx.db, { actor: "test", coolingOffDays: COOLING_OFF_DAYS, now: data.clock() });
}

async function changeAddress(externalId: string, at: string): Promise<void> {
  const { id } = await user(externalId);
  const { sql } = data.database;
  await sql`update payment_methods set status = 'replaced' where user_id = ${id}`;
  await sql`
    insert into payment_methods (user_id, binance_email, status, created_at)
    values (${id}, ${`${externalId}-2@pay.example.com`}, 'approved', ${at})`;
}

async function user(externalId: string): Promise<User> {
  const found = await findUser(data.ctx.db, externalId);
  if (!found) throw new Error(`no user ${externalId}`);
  return found;
}

async function expected(externalId: string, policy: Policy = testPolicy): Promise<ExpectedPayment> {
  return expectPayment(data.ctx, await user(externalId), policy);
}

async function missingOf(externalIds: readonly string[], policy?: Policy): Promise<Record<string, readonly string[]>> {
  const found = externalIds.map(async (id) => [id, (await expected(id, policy)).missing] as const);
  return Object.fromEntries(await Promise.all(found));
}

/** The reason that a run of the date stores for each user; undefined for a user to pay. */
async function decidedReasons(
  externalIds: readonly string[],
  date: string,
): Promise<Record<string, string | undefined>> {
  await decidedRun(data.ctx, date);
  const found = externalIds.map(async (id) => {
    const decision = await findDecision(data.ctx.db, (await user(id)).id, date);
    return [id, decision?.reason ?? undefined] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

const suspended = { status: "suspended" } as const;
const poor = { balance: "99.99" };
const unapproved = { method: "pending" } as const;
const changedAt = "2026-12-01T00:00:00Z";

/** A user for each thing that may be missing, who is missing nothing else. */
const alone: Readonly<Record<ExpectedPayment["missing"][number], Candidate>> = {
  inactive: { user: suspended },
  "below-minimum": { user: poor },
  "no-approved-method": { user: unapproved },
  "method-in-cooling-off": { changedAt },
};

/** Users who are missing nothing, the same in another way, or several things. */
const others: Readonly<Record<string, Candidate & { missing: readonly string[] }>> = {
  complete: { missing: [] },
  "first-time": { user: { previousInvoices: 0 }, missing: [] },
  "owed-the-minimum": { user: { balance: "100.00" }, missing: [] },
  closed: { user: { status: "closed" }, missing: ["inactive"] },
  "without-a-method": { user: { method: null }, missing: ["no-approved-method"] },
  "suspended-and-poor": { user: { ...suspended, ...poor }, missing: ["inactive", "below-minimum"] },
  "poor-and-unapproved": { user: { ...poor, ...unapproved }, missing: ["below-minimum", "no-approved-method"] },
  "suspended-and-changed": { user: suspended, changedAt, missing: ["inactive", "method-in-cooling-off"] },
  "all-with-a-method": {
    user: { ...suspended, ...poor, previousInvoices: 0 },
    changedAt,
    missing: ["inactive", "below-minimum", "method-in-cooling-off"],
  },
  "all-without-a-method": {
    user: { ...suspended, ...poor, ...unapproved, previousInvoices: 0 },
    missing: ["inactive", "below-minimum", "no-approved-method"],
  },
};

describe("what is missing for the next payment", () => {
  it("the first thing that a user is missing is the reason for which the run skips the user", async () => {
    const names = [...Object.keys(alone), ...Object.keys(others)];
    await openWith({ ...alone, ...others }, "2026-12-06T12:00:00Z");
    const missing = await missingOf(names);
    expect(missing).toEqual(Object.fromEntries(names.map((name) => [name, others[name]?.missing ?? [name]])));
    data.clock.set("2026-12-07T02:00:00Z");
    const reasons = await decidedReasons(names, "2026-12-07");
    expect(reasons).toEqual(Object.fromEntries(names.map((name) => [name, missing[name]?.[0]])));
  });

  it("a first-time user is expected on a first Monday, and a run of that date agrees on what is missing", async () => {
    await openWith(
      {
        returning: {},
        "poor-and-returning": { user: poor },
        new: { user: { previousInvoices: 0 } },
        "poor-and-new": { user: { ...poor, previousInvoices: 0 } },
      },
      "2026-12-20T12:00:00Z",
    );
    const returning = ["returning", "poor-and-returning"];
    const firstTime = ["new", "poor-and-new"];
    const dates = async (names: readonly string[]) =>
      Promise.all(names.map(async (name) => (await expected(name)).paymentDate));
    expect(await dates(returning)).toEqual(["2026-12-21", "2026-12-21"]);
    expect(await dates(firstTime)).toEqual(["2027-01-04", "2027-01-04"]);
    const missing = await missingOf([...returning, ...firstTime]);
    expect(missing).toEqual({
      returning: [],
      "poor-and-returning": ["below-minimum"],
      new: [],
      "poor-and-new": ["below-minimum"],
    });
    data.clock.set("2026-12-21T02:00:00Z");
    expect(await decidedReasons(["returning", "poor-and-returning"], "2026-12-21")).toEqual({
      returning: undefined,
      "poor-and-returning": "below-minimum",
    });
    data.clock.set("2027-01-04T02:00:00Z");
    expect(await decidedReasons(firstTime, "2027-01-04")).toEqual({ new: undefined, "poor-and-new": "below-minimum" });
  });

  it("after the run of today has decided, the next payment is that of the next date", async () => {
    await openWith({ complete: {}, new: { user: { previousInvoices: 0 } } }, "2026-12-07T02:00:00Z");
    expect(await expected("complete")).toMatchObject({ paymentDate: "2026-12-07", amountCents: 150_00n });
    await decidedRun(data.ctx, "2026-12-07");
    expect(await expected("complete")).toMatchObject({ paymentDate: "2026-12-21", kind: "mid-month" });
    expect(await expected("new")).toMatchObject({ paymentDate: "2027-01-04", kind: "first-monday" });
  });

  it("a cooling-off of 0 days is never missing", async () => {
    await openWith({ changed: { changedAt: "2026-12-06T11:00:00Z" } }, "2026-12-06T12:00:00Z");
    expect((await expected("changed")).missing).toEqual(["method-in-cooling-off"]);
    await updateSettings(data.ctx.db, { actor: "test", coolingOffDays: 0, now: data.clock() });
    expect((await expected("changed")).missing).toEqual([]);
  });
});

/** Seven days before December 7 is November 30. In December, New York is five hours behind UTC, Tokyo nine hours ahead. */
describe.each([
  { timeZone: "UTC", begins: "T00:00:00Z", day: "2026-11-30" },
  { timeZone: "America/New_York", begins: "T05:00:00Z", day: "2026-11-30" },
  { timeZone: "Asia/Tokyo", begins: "T15:00:00Z", day: "2026-11-29" },
])("the end of a cooling-off in $timeZone", ({ timeZone, begins, day }) => {
  const policy = { ...testPolicy, schedule: { ...testPolicy.schedule, timeZone } };
  const midnight = new Date(`${day}${begins}`).getTime();
  const at = (ms: number) => new Date(midnight + ms).toISOString();
  const WEEK_MS = 7 * 86_400_000;

  it("the cooling-off is missing on the local day on which it ends, as a run in the first moment of that day decides", async () => {
    await openWith(
      {
        "the-moment-before": { changedAt: at(-1) },
        "the-moment-after": { changedAt: at(1) },
        "the-end-of-the-day": { changedAt: at(86_400_000 - 1) },
      },
      at(WEEK_MS - 3_600_000),
    );
    const names = ["the-moment-before", "the-moment-after", "the-end-of-the-day"];
    const missing = await missingOf(names, policy);
    expect(missing).toEqual({
      "the-moment-before": [],
      "the-moment-after": ["method-in-cooling-off"],
      "the-end-of-the-day": ["method-in-cooling-off"],
    });
    data.clock.set(at(WEEK_MS));
    expect(await decidedReasons(names, "2026-12-07")).toEqual({
      "the-moment-before": undefined,
      "the-moment-after": "method-in-cooling-off",
      "the-end-of-the-day": "method-in-cooling-off",
    });
  });

  it("a Binance e-mail that was changed at midnight still cools off on the day on which the cooling-off ends", async () => {
    await openWith({ midnight: { changedAt: at(0) } }, at(WEEK_MS - 3_600_000));
    expect((await expected("midnight", policy)).missing).toEqual(["method-in-cooling-off"]);
  });
});

describe("a cooling-off over a change of the clocks", () => {
  it("the days of a cooling-off that is missing are local days, also when one of them has 25 hours", async () => {
    // New York's clocks go back on November 1, 2026; October 26 begins there at 04:00 UTC.
    const policy = { ...testPolicy, schedule: { ...testPolicy.schedule, timeZone: "America/New_York" } };
    await openWith(
      { before: { changedAt: "2026-10-26T03:59:59.999Z" }, from: { changedAt: "2026-10-26T04:00:00Z" } },
      "2026-11-01T18:00:00Z",
    );
    expect((await expected("before", policy)).paymentDate).toBe("2026-11-02");
    expect(await missingOf(["before", "from"], policy)).toEqual({ before: [], from: ["method-in-cooling-off"] });
  });
});
