import { openTestData, type TestData } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { adjustBalance } from "./adjust-balance.ts";
import { changeSettings } from "./change-settings.ts";
import { recordAction } from "./record-action.ts";
import { retryAlerts } from "./retry-alerts.ts";
import { setUserStatus } from "./set-user-status.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ users: [{ externalId: "a" }] });
});

afterEach(async () => {
  await data.close();
});

const events = () => data.log.lines.map(({ event, fields }) => [event, fields]);

it("a balance that was adjusted is logged once, by the id of the entry", async () => {
  const input = {
    externalId: "a",
    amountCents: -5_00n,
    key: "k",
    keyOwner: "cli",
    reason: "counted twice",
    actor: "test",
  } as const;
  const adjusted = await adjustBalance(data.ctx, input);
  expect(await adjustBalance(data.ctx, input)).toMatchObject({ status: "already-adjusted" });
  expect(await adjustBalance(data.ctx, { ...input, externalId: "unknown" })).toMatchObject({ status: "unknown-user" });
  expect(adjusted).toMatchObject({ status: "adjusted", entry: { amountCents: -5_00n } });
  expect(events()).toEqual([["balance.adjusted", { entryId: "entry" in adjusted ? adjusted.entry.id : null }]]);
});

it("a user's status that was changed is logged once, by the id of the user", async () => {
  const input = { externalId: "a", status: "suspended", reason: "fraud", actor: "test" } as const;
  expect(await setUserStatus(data.ctx, input)).toBe("changed");
  expect(await setUserStatus(data.ctx, input)).toBe("unchanged");
  expect(await setUserStatus(data.ctx, { ...input, externalId: "unknown" })).toBe("unknown-user");
  expect(events()).toEqual([["user.status-changed", { userId: 1, status: "suspended" }]]);
});

it("a change of the settings is logged with the settings that it names", async () => {
  await changeSettings(data.ctx, {
    values: { twoPersonAboveCents: null, reviewAlertDays: 5 },
    requestedBy: null,
    actor: "test",
  });
  expect(events()).toEqual([["settings.changed", { changed: ["twoPersonAboveCents", "reviewAlertDays"] }]]);
});

it("a retry of alerts without a failed delivery is not logged, and an action is logged by its name", async () => {
  expect(await retryAlerts(data.ctx, { actor: "test" })).toBe(0);
  await recordAction(data.ctx, { action: "job.retry", object: "job:invoices/invoice-1-1", actor: "test" });
  expect(events()).toEqual([["action.recorded", { action: "job.retry" }]]);
});
