import { GUARDED_WAIT_MS, type GuardedChangeKind, MOST_REQUESTS_A_DAY } from "@cpa-payouts/core";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findAdmin } from "../reads/admins.ts";
import { findGuardedChange, listDueChanges } from "../reads/guarded-changes.ts";
import { getSettings } from "../reads/settings.ts";
import { after, audit, NOW } from "../testing/access.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { announceChanges } from "./announce-changes.ts";
import { holdChange } from "./hold-change.ts";
import { insertAdmin } from "./insert-admin.ts";
import { renewPasswordHash } from "./renew-password-hash.ts";
import { setAdminPassword } from "./set-admin-password.ts";
import { settleChange } from "./settle-change.ts";
import { stopChange } from "./stop-change.ts";
import { updateAdmin } from "./update-admin.ts";
import { updateSettings } from "./update-settings.ts";

const [ALICE, BOB, CAROL] = ["alice@example.com", "bob@example.com", "carol@example.com"] as const;

let data: TestData;
let db: TestData["ctx"]["db"];
const ids = new Map<string, number>();

beforeEach(async () => {
  data = await openTestData();
  db = data.ctx.db;
  for (const email of [ALICE, BOB, CAROL]) {
    const now = after(-2 * GUARDED_WAIT_MS);
    await insertAdmin(db, { ...audit, email, role: "admin", passwordHash: "hash", now });
    ids.set(email, (await findAdmin(db, email))?.id ?? 0);
  }
  await updateSettings(db, { ...audit, twoPersonAboveCents: 500_00n, coolingOffDays: 5 });
});

afterEach(() => data.close());

const id = (email: string) => ids.get(email) ?? 0;

async function hold(kind: GuardedChangeKind, object: string, wanted = {}): Promise<number> {
  const request = { ...audit, actor: ALICE, kind, object, wanted, requestedBy: id(ALICE) };
  const { change } = await holdChange(db, request);
  await announceChanges(db, { isAlerting: false, now: NOW });
  return change?.id ?? 0;
}

async function settle(changeId: number, confirmer: string | null = BOB, now = NOW) {
  const kind = (await findGuardedChange(db, changeId))?.kind ?? "settings";
  const confirmedBy = confirmer === null ? null : id(confirmer);
  const actor = confirmer ?? "system";
  return settleChange(db, { ...audit, actor, changeId, kind, confirmedBy, passwordHash: "new hash", now });
}

const relax = () => hold("settings", "settings", { twoPersonAboveCents: null });

it("a request that is stored while its requester is being disabled is void, also when the account is enabled again", async () => {
  const waiting = await hold("create-admin", "admin:dan@example.com", { role: "operator" });
  // The request holds the requester's row and waits for the other change of its kind, which another client is about to stop.
  const holder = await holdTransaction(
    data.database,
    (sql) => sql`
      update guarded_changes set status = 'stopped', stop_reason = 'expired', decided_by = 'test', decided_at = ${NOW}
      where id = ${waiting}`,
  );
  const request = {
    ...audit,
    actor: ALICE,
    kind: "create-admin",
    object: "admin:dan@example.com",
    wanted: { role: "operator" },
  } as const;
  const holding = holdChange(data.ctx.db, { ...request, requestedBy: id(ALICE) });
  await untilBlocked(data.database, 1);
  const disabling = updateAdmin(db, { ...audit, email: ALICE, isDisabled: true });
  await untilBlocked(data.database, 2);
  await holder.commit();
  const { change } = await holding;
  expect([await disabling, change?.status]).toMatchObject([{ status: "changed" }, "waiting"]);
  await updateAdmin(db, { ...audit, email: ALICE, isDisabled: false, now: after(-2 * GUARDED_WAIT_MS) });
  const settled = await settleChange(db, {
    ...audit,
    changeId: change?.id ?? 0,
    kind: "create-admin",
    confirmedBy: id(BOB),
    passwordHash: "hash",
    now: after(2 * GUARDED_WAIT_MS),
  });
  expect(settled).toEqual({ status: "stopped", reason: "requester-lost-rights" });
});

it("an administrator requests fifty changes within a day at most, also when they are stopped", async () => {
  const request = (n: number, now = NOW) =>
    holdChange(db, {
      ...audit,
      actor: ALICE,
      kind: "create-admin",
      object: `admin:dan${n}@example.com`,
      wanted: { role: "operator" },
      requestedBy: id(ALICE),
      now,
    });
  for (let n = 1; n <= MOST_REQUESTS_A_DAY; n++) {
    const { change } = await request(n);
    await stopChange(db, { ...audit, changeId: change?.id ?? 0, stopReason: "stopped-by-administrator" });
  }
  expect(await request(0)).toEqual({ status: "too-many-requests", change: null });
  expect(await request(0, after(GUARDED_WAIT_MS - 1))).toMatchObject({ status: "too-many-requests" });
  expect(await request(0, after(GUARDED_WAIT_MS))).toMatchObject({ status: "held" });
  const others = { ...audit, actor: BOB, requestedBy: id(BOB), wanted: { twoPersonAboveCents: null } };
  expect(await holdChange(db, { ...others, kind: "settings", object: "settings" })).toMatchObject({ status: "held" });
});

it("a request that is under way while its requester is disabled is not stored", async () => {
  const holder = await holdTransaction(
    data.database,
    (sql) => sql`update admins set disabled_at = ${NOW} where email = ${ALICE}`,
  );
  const request = {
    ...audit,
    actor: ALICE,
    kind: "settings",
    object: "settings",
    wanted: { twoPersonAboveCents: null },
  } as const;
  const holding = holdChange(data.ctx.db, { ...request, requestedBy: id(ALICE) });
  await untilBlocked(data.database);
  await holder.commit();
  expect(await holding).toEqual({ status: "requester-lost-rights", change: null });
  expect(await data.database.sql`select from guarded_changes`).toHaveLength(0);
});

describe("a guarded change that is confirmed", () => {
  it.each([
    ["settings", "settings", { twoPersonAboveCents: null }],
    ["create-admin", "admin:dan@example.com", { role: "operator" }],
    ["change-admin", `admin:${CAROL}`, { role: "admin" }],
    ["reset-password", `admin:${CAROL}`, {}],
    ["remove-second-factor", `admin:${CAROL}`, {}],
  ] as const)("ten confirmations of a change %s at once make it once", async (kind, object, wanted) => {
    await updateAdmin(db, { ...audit, email: CAROL, role: "viewer" });
    const changeId = await hold(kind, object, wanted);
    const before = await data.database.sql`select from audit_log`;
    const settled = await Promise.all(Array.from({ length: 10 }, () => settle(changeId)));
    expect(settled.filter(({ status }) => status === "applied")).toHaveLength(1);
    expect(settled.filter(({ status }) => status === "not-waiting")).toHaveLength(9);
    expect(await data.database.sql`select from audit_log`).toHaveLength(before.length + 1);
  });

  it("a stop and a confirmation at once have one winner, and the change is made only if the confirmation won", async () => {
    for (let round = 0; round < 5; round++) {
      await updateSettings(db, { ...audit, twoPersonAboveCents: 500_00n });
      const changeId = await relax();
      const [settled, isStopped] = await Promise.all([
        settle(changeId),
        stopChange(db, { ...audit, actor: CAROL, changeId, stopReason: "stopped-by-administrator" }),
      ]);
      expect(settled.status === "applied").toBe(!isStopped);
      expect((await getSettings(db)).twoPersonAboveCents).toBe(isStopped ? 500_00n : null);
    }
  });

  it("a change whose requester is disabled at the same moment is made before that or not at all", async () => {
    for (let round = 0; round < 5; round++) {
      await updateAdmin(db, { ...audit, email: ALICE, isDisabled: false, now: after(-2 * GUARDED_WAIT_MS) });
      await updateSettings(db, { ...audit, twoPersonAboveCents: 500_00n });
      const changeId = await relax();
      const [settled] = await Promise.all([
        settle(changeId),
        updateAdmin(db, { ...audit, actor: CAROL, email: ALICE, isDisabled: true }),
      ]);
      expect(["applied", "not-waiting"]).toContain(settled.status);
      expect((await getSettings(db)).twoPersonAboveCents).toBe(settled.status === "applied" ? null : 500_00n);
    }
  });

  it.each([{ isDisabled: true }, { role: "operator" }] as const)(
    "a change whose requester has become %o is stopped at once, and does not come back with the rights",
    async (change) => {
      const changeId = await relax();
      await updateAdmin(db, { ...audit, actor: CAROL, email: ALICE, ...change });
      await updateAdmin(db, { ...audit, actor: CAROL, email: ALICE, role: "admin", isDisabled: false });
      expect(await settle(changeId)).toEqual({ status: "not-waiting" });
      const stopped = { status: "stopped", stopReason: "requester-lost-rights", decidedBy: CAROL };
      expect(await findGuardedChange(db, changeId)).toMatchObject(stopped);
      expect(await data.database.sql`select actor, object from audit_log where action = 'change.stop'`).toEqual([
        { actor: CAROL, object: `change:${changeId}` },
      ]);
      expect((await getSettings(db)).twoPersonAboveCents).toBe(500_00n);
    },
  );

  it("a change of one setting is made although another setting was changed meanwhile, and not if that one was", async () => {
    const first = await relax();
    await updateSettings(db, { ...audit, coolingOffDays: 9 });
    expect(await settle(first)).toEqual({ status: "applied" });
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: null, coolingOffDays: 9, updatedBy: ALICE });
    await updateSettings(db, { ...audit, twoPersonAboveCents: 500_00n });
    const second = await relax();
    await updateSettings(db, { ...audit, twoPersonAboveCents: 400_00n });
    expect(await settle(second)).toEqual({ status: "stopped", reason: "object-changed" });
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: 400_00n });
  });

  it("a new administrator whose e-mail was taken meanwhile is not added a second time", async () => {
    const changeId = await hold("create-admin", "admin:dan@example.com", { role: "admin" });
    await insertAdmin(db, { ...audit, email: "dan@example.com", role: "viewer", passwordHash: "hash" });
    expect(await settle(changeId)).toEqual({ status: "stopped", reason: "object-changed" });
    expect(await findAdmin(db, "dan@example.com")).toMatchObject({ role: "viewer", passwordHash: "hash" });
  });

  it("another password is not issued after its owner has chosen one, and the sessions of one that is issued end", async () => {
    const first = await hold("reset-password", `admin:${CAROL}`);
    await setAdminPassword(db, { ...audit, actor: CAROL, email: CAROL, passwordHash: "own", isIssued: false });
    expect(await settle(first)).toEqual({ status: "stopped", reason: "object-changed" });
    const second = await hold("reset-password", `admin:${CAROL}`);
    expect(await settle(second)).toEqual({ status: "applied" });
    expect(await findAdmin(db, CAROL)).toMatchObject({ passwordHash: "new hash", mustChangePassword: true });
    const [entry] = await data.database
      .sql`select actor, after from audit_log where action = 'admin.password' order by id desc`;
    expect(entry).toEqual({ actor: BOB, after: { change: second, requestedBy: ALICE } });
  });

  it("the digest of a password that a request keeps says nothing of the password's hash", async () => {
    await renewPasswordHash(db, { adminId: id(CAROL), from: "hash", to: "a-hash-to-find" });
    await hold("reset-password", `admin:${CAROL}`);
    const [row] = await data.database.sql`select g::text as row from guarded_changes g`;
    expect(row?.row).not.toContain("a-hash-to-find");
  });
});

describe("who may confirm a guarded change", () => {
  it("neither the requester nor a person whose power is new may confirm, and the change keeps waiting", async () => {
    const changeId = await relax();
    expect(await settle(changeId, ALICE)).toEqual({ status: "refused", refusal: "same-person" });
    expect(await settle(changeId, ALICE, after(GUARDED_WAIT_MS - 1))).toMatchObject({ refusal: "same-person" });
    await updateAdmin(db, { ...audit, email: CAROL, role: "viewer" });
    expect(await settle(changeId, CAROL)).toMatchObject({ refusal: "not-an-admin" });
    await updateAdmin(db, { ...audit, email: CAROL, role: "admin" });
    expect(await settle(changeId, CAROL)).toMatchObject({ refusal: "new-power" });
    await setAdminPassword(db, { ...audit, email: BOB, passwordHash: "issued", isIssued: true });
    expect(await settle(changeId, BOB)).toMatchObject({ refusal: "new-power" });
    await setAdminPassword(db, { ...audit, actor: BOB, email: BOB, passwordHash: "own", isIssued: false });
    expect(await settle(changeId, BOB)).toMatchObject({ refusal: "new-power" });
    expect(await findGuardedChange(db, changeId)).toMatchObject({ status: "waiting", decidedBy: null });
    expect(await settle(changeId, BOB, after(GUARDED_WAIT_MS + 1))).toEqual({ status: "applied" });
  });

  it("what a person with new power requests is not confirmed before a day has passed, and made after the wait", async () => {
    await setAdminPassword(db, { ...audit, actor: BOB, email: ALICE, passwordHash: "issued", isIssued: true });
    await setAdminPassword(db, { ...audit, actor: ALICE, email: ALICE, passwordHash: "own", isIssued: false });
    const changeId = await relax();
    expect(await settle(changeId, BOB)).toEqual({ status: "refused", refusal: "requester-new-power" });
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: 500_00n });
    expect(await settle(changeId, BOB, after(8 * GUARDED_WAIT_MS))).toEqual({ status: "applied" });
  });

  it("a change whose requester was disabled by other means than the API is stopped", async () => {
    const changeId = await relax();
    await data.database.sql`update admins set disabled_at = now() where email = ${ALICE}`;
    expect(await settle(changeId, BOB)).toEqual({ status: "stopped", reason: "requester-lost-rights" });
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: 500_00n });
  });

  it("a person whose issued password is old but was not changed confirms nothing", async () => {
    const now = after(-2 * GUARDED_WAIT_MS);
    await setAdminPassword(db, { ...audit, email: BOB, passwordHash: "issued", isIssued: true, now });
    const changeId = await relax();
    expect(await settle(changeId, BOB)).toMatchObject({ refusal: "new-power" });
    await setAdminPassword(db, { ...audit, actor: BOB, email: BOB, passwordHash: "own", isIssued: false });
    expect(await settle(changeId, BOB)).toEqual({ status: "applied" });
  });

  it("the demotion of a viewer makes no wait longer, that of an administrator does, also before the request", async () => {
    await insertAdmin(db, { ...audit, email: "vic@example.com", role: "viewer", passwordHash: "hash" });
    await updateAdmin(db, { ...audit, actor: ALICE, email: "vic@example.com", isDisabled: true });
    const first = await relax();
    const due = async (now: Date) => (await listDueChanges(db, now)).map((change) => change.id);
    expect(await due(after(GUARDED_WAIT_MS))).toEqual([first]);
    await updateAdmin(db, { ...audit, actor: ALICE, email: CAROL, role: "operator", now: after(-6 * GUARDED_WAIT_MS) });
    expect(await due(after(GUARDED_WAIT_MS))).toEqual([]);
    expect(await settle(first, null, after(GUARDED_WAIT_MS))).toMatchObject({ refusal: "too-early" });
    expect(await due(after(7 * GUARDED_WAIT_MS))).toEqual([first]);
  });
});
