import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listAuditLog } from "../reads/audit-log.ts";
import { getSettings } from "../reads/settings.ts";
import { fingerprint, openTestData, type TestData } from "../testing/index.ts";
import { updateSettings } from "./update-settings.ts";

const NOW = new Date("2026-12-07T12:00:00Z");
const audit = { actor: "root", requestId: "r-1", clientAddress: "192.0.2.1", now: NOW };

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("settings", () => {
  it("settings that are not given are kept, and null switches the two-person rule off", async () => {
    const { db } = data.ctx;
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: null, coolingOffDays: 0, reviewAlertDays: 3 });
    await updateSettings(db, { ...audit, twoPersonAboveCents: 1_000_00n, coolingOffDays: 5 });
    await updateSettings(db, { ...audit, reviewAlertDays: 9 });
    expect(await getSettings(db)).toMatchObject({
      twoPersonAboveCents: 1_000_00n,
      coolingOffDays: 5,
      reviewAlertDays: 9,
    });
    await updateSettings(db, { ...audit, twoPersonAboveCents: null });
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: null, coolingOffDays: 5 });
    const [last] = await listAuditLog(db, { action: "settings.change" }, { limit: 1 });
    expect(last).toMatchObject({
      before: { twoPersonAboveCents: "100000", coolingOffDays: 5, reviewAlertDays: 9 },
      after: { twoPersonAboveCents: null, coolingOffDays: 5, reviewAlertDays: 9 },
    });
  });

  it("a setting out of range is refused, and nothing changes", async () => {
    const before = await fingerprint(data.database);
    await expect(updateSettings(data.ctx.db, { ...audit, coolingOffDays: 366 })).rejects.toThrow();
    expect(await fingerprint(data.database)).toEqual(before);
  });
});
