import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { recordSchedule, recordTick } from "@cpa-payouts/db";
import { type TestDatabase, testDatabase } from "@cpa-payouts/db/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { payouts } from "./payouts.ts";

describe("calendar on the command line", () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
  });

  afterAll(async () => {
    await database.close();
  });

  const rows = "date,kind,pays\n2026-12-07,first-monday,all users\n2026-12-21,mid-month,returning users\n";
  const calendar = (env: Record<string, string>, args: readonly string[] = []) =>
    payouts(
      [
        "calendar",
        ...args,
        "--from",
        "2026-12-01",
        "--months",
        "1",
        "--format",
        "csv",
        "--now",
        "2026-12-08T10:00:00Z",
      ],
      env,
    );

  const follow = async (timeZone: string, at: string) => {
    const now = new Date(at);
    await recordTick(database.db, now, { isAlerting: false });
    const schedule = { pattern: "0 2 * * *", timeZone };
    await recordSchedule(database.db, { schedule, liveFrom: "2026-12-08", actor: "test", now });
  };

  it("the calendar says which schedule the workers follow, and that it was changed", async () => {
    const env = { DATABASE_URL: database.url };
    expect(await calendar(env)).toEqual({
      code: 0,
      stdout: rows,
      stderr:
        "No worker has stored the time of going live yet; dates that were due before going live are not run automatically\n",
    });
    await follow("UTC", "2026-12-07T09:00:00Z");
    expect(await calendar(env)).toEqual({
      code: 0,
      stdout: rows,
      stderr:
        'The workers follow "0 2 * * *" in UTC since 2026-12-07T09:00:00.000Z; dates from 2026-12-08 on are run automatically\n' +
        "Before going live, so not run automatically: 2026-12-07\n",
    });
    await follow("UTC", "2026-12-08T08:55:00Z");
    await follow("America/Los_Angeles", "2026-12-08T09:00:00Z");
    expect((await calendar(env)).stderr).toBe(
      'The workers follow "0 2 * * *" in America/Los_Angeles since 2026-12-08T09:00:00.000Z (before: "0 2 * * *" in UTC); ' +
        'dates from 2026-12-08 on are run automatically\nThis command was given "0 2 * * *" in UTC\n' +
        "Before going live, so not run automatically: 2026-12-07\n",
    );
    await follow("UTC", "2026-12-08T09:30:00Z");
    expect((await calendar(env)).stderr).toContain(
      'Some workers still follow "0 2 * * *" in UTC, at last at 2026-12-08T09:30:00.000Z: give all of them the same',
    );
  });

  it("the calendar lists the dates without a database, and also when the database does not answer", async () => {
    const dataDir = path.join(tmpdir(), `payouts-calendar-${randomUUID()}`);
    expect(await calendar({}, ["--data-dir", dataDir])).toEqual({
      code: 0,
      stdout: rows,
      stderr:
        "When the installation went live is not known, because no database is running; dates that were due before going " +
        "live are not run automatically\n",
    });
    expect(existsSync(dataDir)).toBe(false);
    expect(await calendar({ DATABASE_URL: "postgres://127.0.0.1:1/none" })).toEqual({
      code: 0,
      stdout: rows,
      stderr: expect.stringMatching(/^The schedule of the workers is not known: the database at 127\.0\.0\.1:1/),
    });
  });
});
