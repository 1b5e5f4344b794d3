import type { Policy } from "@cpa-payouts/core";
import { advanceFanOut, findDecision, findUser, openRun, type User, updateSettings } from "@cpa-payouts/db";
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

  it("a user to whom nothing was owed when the run of today decided is expected on the next date", async () => {
    await openWith({ late: { user: { balance: "0" } } }, "2026-12-07T02:00:00Z");
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    await advanceFanOut(data.ctx.db, { runId, fanOutRound: 0, cursor: 1, finished: true, now: data.clock() });
    expect(await expected("late")).toMatchObject({ paymentDate: "2026-12-21" });
  });

  it("a cooling-off of 0 days is never missing", async () => {
    await openWith({ changed: { changedAt: "2026-12-06T11:00:00Z" } }, "2026-12-06T12:00:00Z");
    expect((await expected("changed")).missing).toEqual(["method-in-cooling-off"]);
    await updateSettings(data.ctx.db, { actor: "test", coolingOffDays: 0, now: data.clock() });
    expect((await expected("changed")).missing).toEqual([]);
  });
});

/** The tick fires at 02:00. In December, New York is five hours behind UTC, Tokyo nine hours ahead. */
describe.each([
  { timeZone: "UTC", due: "2026-12-07T02:00:00Z" },
  { timeZone: "America/New_York", due: "2026-12-07T07:00:00Z" },
  { timeZone: "Asia/Tokyo", due: "2026-12-06T17:00:00Z" },
])("the end of a cooling-off in $timeZone", ({ timeZone, due }) => {
  const policy = { ...testPolicy, schedule: { ...testPolicy.schedule, timeZone } };
  const HOUR_MS = 3_600_000;
  const WEEK_MS = 7 * 24 * HOUR_MS;
  const afterDue = (ms: number) => new Date(new Date(due).getTime() + ms).toISOString();
  const changed = {
    "the-day-before": { changedAt: afterDue(-WEEK_MS - 24 * HOUR_MS) },
    "an-hour-before": { changedAt: afterDue(-WEEK_MS - HOUR_MS) },
    "at-the-same-time": { changedAt: afterDue(-WEEK_MS) },
    "the-moment-after": { changedAt: afterDue(-WEEK_MS + 1) },
    "an-hour-after": { changedAt: afterDue(-WEEK_MS + HOUR_MS) },
    "the-day-after": { changedAt: afterDue(-WEEK_MS + 24 * HOUR_MS) },
  };
  const names = Object.keys(changed);
  const cooling = ["method-in-cooling-off"];
  const inCoolingOff = (missing: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, missing.includes(name) ? cooling : []]));

  it.each([
    ["an hour before the day", -3 * HOUR_MS],
    ["in the first moment of the day", -2 * HOUR_MS],
    ["an hour before the run", -HOUR_MS],
    ["when the run is due", 0],
  ])("%s, the cooling-off that is missing is the one for which the run skips", async (_, ms) => {
    await openWith(changed, afterDue(ms));
    const missing = await missingOf(names, policy);
    expect(missing).toEqual(inCoolingOff(["the-moment-after", "an-hour-after", "the-day-after"]));
    data.clock.set(due);
    const reasons = await decidedReasons(names, "2026-12-07");
    expect(reasons).toEqual(Object.fromEntries(names.map((name) => [name, missing[name]?.[0]])));
  });

  it("while a run is late, the cooling-off that is missing is counted from the present time", async () => {
    await openWith(changed, afterDue(HOUR_MS));
    const missing = await missingOf(names, policy);
    expect(missing).toEqual(inCoolingOff(["the-day-after"]));
    expect(await decidedReasons(names, "2026-12-07")).toMatchObject({
      "an-hour-after": undefined,
      "the-day-after": "method-in-cooling-off",
    });
  });

  it("while a run decides, the cooling-off that is missing is counted from the opening of the run", async () => {
    await openWith(changed, due);
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    await openRun(data.ctx.db, { date, trigger: "schedule", policy, actor: "test", now: data.clock() });
    data.clock.set(afterDue(2 * HOUR_MS));
    const missing = await missingOf(names, policy);
    expect(missing).toEqual(inCoolingOff(["the-moment-after", "an-hour-after", "the-day-after"]));
    const reasons = await decidedReasons(names, "2026-12-07");
    expect(reasons).toEqual(Object.fromEntries(names.map((name) => [name, missing[name]?.[0]])));
  });
});

describe("a cooling-off over a change of the clocks", () => {
  it("the days of a cooling-off have 24 hours, also when a local day has 25", async () => {
    // New York's clocks go back on November 1, 2026; November 2 is due there at 07:00 UTC.
    const policy = { ...testPolicy, schedule: { ...testPolicy.schedule, timeZone: "America/New_York" } };
    await openWith(
      { before: { changedAt: "2026-10-26T07:00:00Z" }, from: { changedAt: "2026-10-26T07:00:00.001Z" } },
      "2026-11-01T18:00:00Z",
    );
    expect((await expected("before", policy)).paymentDate).toBe("2026-11-02");
    const missing = await missingOf(["before", "from"], policy);
    expect(missing).toEqual({ before: [], from: ["method-in-cooling-off"] });
    data.clock.set("2026-11-02T07:00:00Z");
    expect(await decidedReasons(["before", "from"], "2026-11-02")).toEqual({
      before: undefined,
      from: "method-in-cooling-off",
    });
  });
});
