import { describe, expect, it } from "vitest";
import { dueAt, dueDates, findScheduleProblem, firstLiveDate, localDateAt, type Schedule } from "./schedule.ts";

const atTwo = (timeZone: string): Schedule => ({ pattern: "0 2 * * *", timeZone });
const utc = atTwo("UTC");
const FROM = new Date("2026-11-22T12:00:00Z");

describe("local date of an instant", () => {
  it.each([
    ["2026-12-06T23:59:59.999Z", "UTC", "2026-12-06"],
    ["2026-12-07T00:00:00.000Z", "UTC", "2026-12-07"],
    ["2026-12-07T04:59:59.999Z", "America/New_York", "2026-12-06"],
    ["2026-12-07T05:00:00.000Z", "America/New_York", "2026-12-07"],
    ["2026-12-06T18:14:59.999Z", "Asia/Kathmandu", "2026-12-06"],
    ["2026-12-06T18:15:00.000Z", "Asia/Kathmandu", "2026-12-07"],
    ["2026-12-06T10:00:00.000Z", "Pacific/Kiritimati", "2026-12-07"],
  ])("the instant %s in %s is on the local date %s", (instant, timeZone, date) => {
    expect(localDateAt(new Date(instant), timeZone)).toBe(date);
  });
});

describe("due instant", () => {
  it.each([
    ["2026-12-07", utc, "2026-12-07T02:00:00.000Z"],
    // New York: winter, the Monday after the clocks went forward, summer, the Monday after they went back.
    ["2026-03-02", atTwo("America/New_York"), "2026-03-02T07:00:00.000Z"],
    ["2026-03-16", atTwo("America/New_York"), "2026-03-16T06:00:00.000Z"],
    ["2026-07-06", atTwo("America/New_York"), "2026-07-06T06:00:00.000Z"],
    ["2026-11-02", atTwo("America/New_York"), "2026-11-02T07:00:00.000Z"],
    ["2026-12-07", atTwo("Asia/Kathmandu"), "2026-12-06T20:15:00.000Z"],
    ["2026-12-07", { pattern: "0 0 * * *", timeZone: "UTC" }, "2026-12-07T00:00:00.000Z"],
    ["2026-12-07", { pattern: "59 23 * * *", timeZone: "Pacific/Kiritimati" }, "2026-12-07T09:59:00.000Z"],
  ])("%s is due at the first fire of %o: %s", (date, schedule, instant) => {
    expect(dueAt(date, schedule).toISOString()).toBe(instant);
  });

  it("a date on which the schedule fires several times is due at the first of them", () => {
    expect(dueAt("2026-12-07", { pattern: "0 6,18 * * *", timeZone: "UTC" }).toISOString()).toBe(
      "2026-12-07T06:00:00.000Z",
    );
  });

  it("a date on which daylight saving skips the hour is due when BullMQ's scheduler fires", () => {
    // On Sunday 2026-03-08 there is no 02:00 in New York.
    expect(dueAt("2026-03-08", atTwo("America/New_York")).toISOString()).toBe("2026-03-08T07:00:00.000Z");
  });

  it("a date on which the schedule does not fire is refused", () => {
    expect(() => dueAt("2026-12-08", { pattern: "0 2 * * 1", timeZone: "UTC" })).toThrow("does not fire on 2026-12-08");
  });
});

describe("due and missed dates", () => {
  const dates = (now: string, liveSince: string, catchUpDays = 7, schedule = utc) => {
    const liveFrom = firstLiveDate(new Date(liveSince), schedule);
    const { due, missed } = dueDates(new Date(now), liveFrom, catchUpDays, schedule);
    return { due: due.map(({ date }) => date), missed: missed.map(({ date }) => date) };
  };

  it("a date is due from its scheduled instant on, to the millisecond", () => {
    expect(dates("2026-12-07T01:59:59.999Z", "2026-12-01T00:00:00Z").due).toEqual([]);
    expect(dates("2026-12-07T02:00:00.000Z", "2026-12-01T00:00:00Z").due).toEqual(["2026-12-07"]);
  });

  it("a date due at the instant of going live is run, one due a millisecond earlier is not", () => {
    expect(dates("2026-12-08T00:00:00Z", "2026-12-07T02:00:00.000Z").due).toEqual(["2026-12-07"]);
    expect(dates("2026-12-08T00:00:00Z", "2026-12-07T02:00:00.001Z")).toEqual({ due: [], missed: [] });
  });

  it("going live counts in the time zone of the schedule", () => {
    const kathmandu = atTwo("Asia/Kathmandu");
    // Going live at 01:59:59.999 local time on the 7th, which is the 6th in UTC.
    expect(dates("2026-12-06T20:15:00Z", "2026-12-06T20:14:59.999Z", 7, kathmandu).due).toEqual(["2026-12-07"]);
    expect(dates("2026-12-06T20:14:59.999Z", "2026-12-06T20:14:59.999Z", 7, kathmandu).due).toEqual([]);
  });

  it("a date is caught up until the last day of the window and missed from the next day on", () => {
    expect(dates("2026-12-14T23:59:59.999Z", "2026-12-01T00:00:00Z")).toEqual({ due: ["2026-12-07"], missed: [] });
    expect(dates("2026-12-15T00:00:00.000Z", "2026-12-01T00:00:00Z")).toEqual({ due: [], missed: ["2026-12-07"] });
  });

  it("with a catch-up window of 0 days a date is run on its own day only", () => {
    expect(dates("2026-12-07T23:59:59Z", "2026-12-01T00:00:00Z", 0).due).toEqual(["2026-12-07"]);
    expect(dates("2026-12-08T00:00:00Z", "2026-12-01T00:00:00Z", 0)).toEqual({ due: [], missed: ["2026-12-07"] });
  });

  it("after a long outage all dates are listed, oldest first", () => {
    expect(dates("2027-02-03T12:00:00Z", "2026-12-01T00:00:00Z", 20)).toEqual({
      due: ["2027-01-18", "2027-02-01"],
      missed: ["2026-12-07", "2026-12-21", "2027-01-04"],
    });
    expect(dates("2027-02-03T12:00:00Z", "2026-12-01T00:00:00Z", 366).due).toEqual([
      "2026-12-07",
      "2026-12-21",
      "2027-01-04",
      "2027-01-18",
      "2027-02-01",
    ]);
  });

  it("no date is due while the clock is before going live", () => {
    expect(dates("2026-12-08T00:00:00Z", "2026-12-10T00:00:00Z")).toEqual({ due: [], missed: [] });
  });
});

describe("dates after a change of the schedule", () => {
  const zones = ["UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Pacific/Pago_Pago"];
  const schedules = zones.flatMap((timeZone) => ["0 2 * * *", "59 23 * * *"].map((pattern) => ({ pattern, timeZone })));
  const pairs = schedules.flatMap((before) => schedules.map((after) => ({ before, after })));
  const HOUR_MS = 3_600_000;

  /** The cases in which December 7 is listed as due or missed at `now`, after going live `ms` after it was due. */
  function listed(ms: number, now: (after: Schedule) => Date) {
    return pairs.filter(({ before, after }) => {
      const liveSince = new Date(dueAt("2026-12-07", before).getTime() + ms);
      const { due, missed } = dueDates(now(after), firstLiveDate(liveSince, before), 7, after);
      return [...due, ...missed].some(({ date }) => date === "2026-12-07");
    });
  }

  it.each([1, HOUR_MS, 9 * HOUR_MS, 30 * HOUR_MS])(
    "a date that was due %d ms before going live is never due, whatever the schedule becomes",
    (ms) => {
      expect(listed(ms, () => new Date("2026-12-20T00:00:00Z"))).toEqual([]);
    },
  );

  it.each([0, HOUR_MS, 9 * HOUR_MS, 30 * HOUR_MS])(
    "a date that was due %d ms after going live is due as soon as the new schedule has fired on it",
    (ms) => {
      expect(listed(-ms, (after) => dueAt("2026-12-07", after))).toEqual(pairs);
    },
  );
});

describe("schedule check", () => {
  it.each([
    utc,
    atTwo("America/New_York"),
    atTwo("Asia/Kathmandu"),
    { pattern: "30 14 * * *", timeZone: "Europe/Berlin" },
  ])("a schedule that fires once on every local date is accepted: %o", (schedule) => {
    expect(findScheduleProblem(schedule, FROM)).toBeNull();
  });

  it.each([
    ["0 2 * * *", "Antarctica/Troll", /fires more than once on/],
    ["0 2 * * *", "Australia/Lord_Howe", /cannot be computed/],
    ["0 0 * * *", "America/Havana", /does not fire on/],
    ["0 * * * *", "UTC", /fires more than once a day$/],
    ["0 2,14 * * *", "UTC", /fires more than once a day$/],
    ["0 2 * * 1", "UTC", /does not fire on every day$/],
    ["0 2 1-31/2 * *", "UTC", /does not fire on every day$/],
    ["0 2 29 2 *", "UTC", /does not fire on every day$/],
    ["0 2 31 2 *", "UTC", /cannot be computed|does not fire/],
    ["0 2 L * *", "UTC", /does not fire on every day$/],
    ["0 2 * * 1#1", "UTC", /does not fire on every day$/],
    ["0 2 1-30 * *", "UTC", /does not fire on every day$/],
    ["0 2 * 1-11 *", "UTC", /does not fire on every day$/],
    ["0 2 * *", "UTC", /cannot be computed|fires more than once|does not fire/],
    ["60 2 * * *", "UTC", /cannot be computed/],
    ["at two", "UTC", /cannot be computed/],
    ["0 2 * * *", "Mars/Olympus_Mons", /^"Mars\/Olympus_Mons" is not an IANA time zone$/],
    ["0 2 * * *", "", /^"" is not an IANA time zone$/],
    ["0 2 * * *", "+02:00", /^"\+02:00" is not an IANA time zone$/],
    ["0 2 * * *", "2026-01-01T00:00Z[Europe/Paris]", /is not an IANA time zone$/],
    // `H` is a value chosen at random each time the pattern is read.
    ["H 2 * * *", "UTC", /has a random time/],
    ["0 H * * *", "UTC", /has a random time/],
  ])("the schedule %j in %s is refused in one sentence", (pattern, timeZone, problem) => {
    const found = findScheduleProblem({ pattern, timeZone }, FROM);
    expect(found).toMatch(problem);
    expect(found).not.toMatch(/\n/);
  });

  it("02:00 every day is accepted in all zones but the two that repeat or half-skip that hour", () => {
    const refused = Intl.supportedValuesOf("timeZone").flatMap((timeZone) => {
      const problem = findScheduleProblem(atTwo(timeZone), FROM);
      if (problem !== null) expect(problem).toMatch(/^the schedule "0 2 \* \* \*" in \S+ [^\n]+$/);
      return problem === null ? [] : [timeZone];
    });
    expect(refused).toEqual(["Antarctica/Troll", "Australia/Lord_Howe"]);
  });
});
