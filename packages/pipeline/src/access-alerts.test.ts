import type { AlertMessage } from "@cpa-payouts/core";
import {
  announceChanges,
  clearSecondFactor,
  findAdmin,
  findGuardedChange,
  holdChange,
  insertAdmin,
  insertApiToken,
  setAdminPassword,
  settleChange,
  stopChange,
  updateAdmin,
  updateSettings,
} from "@cpa-payouts/db";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sendAlert } from "./send-alert.ts";
import { openTestFlow, recordingChannel, type TestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";

const [ALICE, BOB] = ["alice@example.com", "bob@example.com"] as const;

let flow: TestFlow;
let sent: AlertMessage[];

beforeEach(async () => {
  const { channel, sent: messages } = recordingChannel();
  sent = messages;
  const alerts = { channels: { webhook: channel }, publicUrl: null };
  flow = await openTestFlow({ kind: "postgres", now: "2026-11-30T08:00:00Z", alerts });
  for (const email of [ALICE, BOB]) await addAdmin(email);
  flow.clock.set("2026-12-01T08:00:00Z");
  await tick(flow.ctx);
  flow.clock.set("2026-12-01T09:00:00Z");
});

afterEach(() => flow.close());

/** Who does it, and when. */
const by = (actor: string) => ({ actor, now: flow.clock() });

async function addAdmin(email: string): Promise<void> {
  await insertAdmin(flow.ctx.db, { ...by("cli:ops"), email, role: "admin", passwordHash: "secret-hash" });
}

/** Runs a tick and sends the alerts. Returns them, and checks that they hold no secret. */
async function sendAll(): Promise<AlertMessage[]> {
  await tick(flow.ctx);
  await tick(flow.ctx);
  sent.length = 0;
  const open = await flow.database.sql<
    { id: string }[]
  >`select id from alert_deliveries where state = 'open' order by id`;
  for (const { id } of open) await sendAlert(flow.ctx, { deliveryId: Number(id) });
  expect(JSON.stringify(sent)).not.toContain("secret-hash");
  return [...sent];
}

describe("alerts about access and rules", () => {
  it("a new administrator, a changed role and changed credentials of a colleague are alerted once each, also from the command line", async () => {
    const { db } = flow.ctx;
    await addAdmin("carol@example.com");
    await updateAdmin(db, { ...by(ALICE), email: BOB, role: "viewer" });
    await updateAdmin(db, { ...by(ALICE), email: BOB, role: "viewer" });
    await updateAdmin(db, { ...by(ALICE), email: BOB, isDisabled: true });
    await setAdminPassword(db, { ...by("cli:ops"), email: BOB, passwordHash: "secret-hash", isIssued: true });
    await clearSecondFactor(db, { ...by("cli:ops"), email: BOB, isByAnother: true });
    expect((await sendAll()).map(({ headline, details }) => [headline, details[0]])).toEqual([
      [
        "carol@example.com was added as an administrator with the role admin",
        "Done by cli:ops at 2026-12-01T09:00:00.000Z.",
      ],
      ["bob@example.com is viewer; before: admin", expect.stringContaining("Done by alice@example.com")],
      ["bob@example.com is disabled (viewer); before: viewer", expect.stringContaining("Done by alice@example.com")],
      ["bob@example.com has another password", expect.stringContaining("Done by cli:ops")],
      ["bob@example.com lost the second factor", expect.stringContaining("Done by cli:ops")],
    ]);
    expect(await sendAll()).toEqual([]);
  });

  it("changes of one's own account, and those from before alerts had a channel, are not alerted", async () => {
    const { db } = flow.ctx;
    await setAdminPassword(db, { ...by(ALICE), email: ALICE, passwordHash: "secret-hash", isIssued: false });
    await clearSecondFactor(db, { ...by(ALICE), email: ALICE, isByAnother: false });
    expect(await sendAll()).toEqual([]);
  });

  it("a relaxed rule is alerted with its values before and after, a stricter one is not", async () => {
    const { db } = flow.ctx;
    await updateSettings(db, { ...by(ALICE), twoPersonAboveCents: 500_00n, coolingOffDays: 3, reviewAlertDays: 2 });
    await updateSettings(db, { ...by(ALICE), twoPersonAboveCents: 100_00n });
    flow.clock.set("2026-12-01T09:00:01Z");
    await updateSettings(db, { ...by(ALICE), twoPersonAboveCents: null, coolingOffDays: 5, reviewAlertDays: 0 });
    expect((await sendAll()).map(({ headline }) => headline)).toEqual([
      "Settings were relaxed: coolingOffDays 5, reviewAlertDays 0, twoPersonAbove off (before: coolingOffDays 3, reviewAlertDays 2, twoPersonAbove $100.00)",
    ]);
  });

  it("a change that waits is alerted with the time it has, and no longer once it is stopped", async () => {
    const { db } = flow.ctx;
    await updateSettings(db, { ...by(ALICE), twoPersonAboveCents: 500_00n });
    const requestedBy = (await findAdmin(db, ALICE))?.id ?? 0;
    const hold = async (request: Pick<Parameters<typeof holdChange>[1], "kind" | "object" | "wanted">) =>
      (await holdChange(db, { ...by(ALICE), requestedBy, ...request })).change?.id ?? 0;
    await hold({ kind: "settings", object: "settings", wanted: { twoPersonAboveCents: null } });
    await hold({ kind: "create-admin", object: "admin:dan@example.com", wanted: { role: "operator" } });
    const reset = await hold({ kind: "reset-password", object: `admin:${BOB}`, wanted: {} });
    await tick(flow.ctx);
    await stopChange(db, { ...by(BOB), changeId: reset, stopReason: "stopped-by-administrator" });
    expect((await sendAll()).map(({ headline }) => headline)).toEqual([
      "alice@example.com requested to relax settings: twoPersonAbove off",
      "alice@example.com requested a new administrator: dan@example.com with the role operator",
    ]);
    expect(sent[0]?.advice).toContain("2026-12-02T09:00:00.000Z");
  });

  it("a change begins to wait when its alert was raised, not before", async () => {
    const { db } = flow.ctx;
    const request = { kind: "settings", object: "settings", wanted: { twoPersonAboveCents: null } } as const;
    const { change } = await holdChange(db, {
      ...by(ALICE),
      requestedBy: (await findAdmin(db, ALICE))?.id ?? 0,
      ...request,
    });
    const mayApplyAt = async () => (await findGuardedChange(db, change?.id ?? 0))?.mayApplyAt;
    await announceChanges(db, { isAlerting: true, now: flow.clock() });
    expect(await mayApplyAt()).toBeNull();
    flow.clock.set("2026-12-03T09:00:00Z");
    await tick(flow.ctx);
    expect(await mayApplyAt()).toEqual(new Date("2026-12-04T09:00:00Z"));
  });

  it("an alert is sent however many newer entries there are, and those are all alerted by later ticks", async () => {
    const { db } = flow.ctx;
    await updateAdmin(db, { ...by(ALICE), email: BOB, isDisabled: true });
    await flow.database.sql`
      insert into audit_log (at, actor, action, object, before, after)
      select ${flow.clock().toISOString()}::timestamptz + n * interval '1 microsecond', ${ALICE}, 'admin.change', 'admin:vic@example.com',
        jsonb_build_object('role', 'viewer', 'isDisabled', n % 2 = 0), jsonb_build_object('role', 'viewer', 'isDisabled', n % 2 = 1)
      from generate_series(1, 1001) n`;
    await tick(flow.ctx);
    const [first] = await flow.database.sql<{ id: string }[]>`select id from alert_deliveries order by id limit 1`;
    expect(await sendAlert(flow.ctx, { deliveryId: Number(first?.id) })).toEqual({ result: "sent" });
    expect(sent.map(({ headline }) => headline)).toEqual([`${BOB} is disabled (admin); before: admin`]);
    await tick(flow.ctx);
    expect(await flow.database.sql`select from alerts`).toHaveLength(1002);
  });

  it("the alerts go by e-mail to the enabled administrators of the role admin and to the one whom they are about", async () => {
    const { db } = flow.ctx;
    await addAdmin("admin@localhost");
    await insertAdmin(db, { ...by("cli:ops"), email: "vic@example.com", role: "viewer", passwordHash: "secret-hash" });
    await sendAll();
    await updateAdmin(db, { ...by(ALICE), email: BOB, isDisabled: true });
    await insertApiToken(db, {
      ...by(ALICE),
      ...{ name: "erp", tokenHash: "secret-hash", scopes: ["audit:read"], expiresAt: new Date("2027-01-01T00:00:00Z") },
    });
    expect((await sendAll()).map(({ alsoTo }) => alsoTo)).toEqual([[BOB, ALICE], [ALICE]]);
  });

  it("a new token is alerted with its creator and its scopes", async () => {
    const scopes = ["adjustments:write", "credits:write"];
    const expiresAt = new Date("2027-01-01T00:00:00Z");
    await insertApiToken(flow.ctx.db, { ...by(ALICE), name: "erp", tokenHash: "secret-hash", scopes, expiresAt });
    expect(await sendAll()).toMatchObject([
      {
        headline: "The token erp was created, with the scopes adjustments:write, credits:write",
        details: ["Done by alice@example.com at 2026-12-01T09:00:00.000Z."],
      },
    ]);
  });

  it("the alert of a change that a second person confirmed names both people", async () => {
    const { db } = flow.ctx;
    const [alice, bob] = [await findAdmin(db, ALICE), await findAdmin(db, BOB)];
    const request = { kind: "create-admin", object: "admin:dan@example.com", wanted: { role: "admin" } } as const;
    const { change } = await holdChange(db, { ...by(ALICE), requestedBy: alice?.id ?? 0, ...request });
    flow.clock.set("2026-12-01T10:00:00Z");
    const settlement = {
      changeId: change?.id ?? 0,
      kind: request.kind,
      confirmedBy: bob?.id ?? 0,
      passwordHash: "secret-hash",
    };
    expect(await settleChange(db, { ...by(BOB), ...settlement })).toEqual({ status: "applied" });
    expect(await sendAll()).toMatchObject([
      {
        headline: "dan@example.com was added as an administrator with the role admin",
        details: ["Done by bob@example.com at 2026-12-01T10:00:00.000Z.", "Requested by alice@example.com."],
      },
    ]);
  });
});
