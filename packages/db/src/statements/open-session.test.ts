import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findDevice } from "../reads/admin-devices.ts";
import { isSessionLive, listSessions } from "../reads/sessions.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertAdmin } from "./insert-admin.ts";
import { markSessionEnded } from "./mark-session-ended.ts";
import { openSession } from "./open-session.ts";
import { setAdminPassword } from "./set-admin-password.ts";
import { touchSession } from "./touch-session.ts";
import { updateAdmin } from "./update-admin.ts";

const NOW = new Date("2026-12-01T09:00:00Z");
const EMAIL = "carol@example.com";
const audit = { actor: "bob@example.com", now: NOW };

let data: TestData;
let adminId: number;

beforeEach(async () => {
  data = await openTestData({ users: [] });
  const admin = { role: "admin", passwordHash: "old" } as const;
  await insertAdmin(data.ctx.db, { ...audit, ...admin, email: "bob@example.com" });
  const added = await insertAdmin(data.ctx.db, { ...audit, ...admin, email: EMAIL });
  adminId = added.status === "created" ? added.adminId : 0;
});

afterEach(() => data.close());

const open = (credentialsVersion = 0, tokenHash = "token") =>
  openSession(data.ctx.db, {
    actor: EMAIL,
    adminId,
    credentialsVersion,
    tokenHash,
    replacesTokenHash: null,
    device: { tokenHash: `browser of ${tokenHash}`, replacesTokenHash: null },
    clientAddress: "203.0.113.7",
    clientNetwork: "203.0.113.7",
    isLocal: false,
    userAgent: "test",
    now: NOW,
  });

const reset = () =>
  setAdminPassword(data.ctx.db, { ...audit, email: EMAIL, passwordHash: "new", isIssued: true, isGuarded: false });
const changes: [what: string, change: () => Promise<unknown>][] = [
  ["the password is changed", reset],
  ["the account is disabled", () => updateAdmin(data.ctx.db, { ...audit, email: EMAIL, isDisabled: true })],
];
const enable = () => updateAdmin(data.ctx.db, { ...audit, email: EMAIL, isDisabled: false });

/** The live sessions by each of the ways to ask for them, and whether the browser is known. */
async function live(tokenHash = "token") {
  const rows = await data.database.sql<{ id: string }[]>`select id from admin_sessions where token_hash = ${tokenHash}`;
  return {
    touched: (await touchSession(data.ctx.db, tokenHash, NOW)) !== null,
    isLive: rows[0] !== undefined && (await isSessionLive(data.ctx.db, Number(rows[0].id), NOW)),
    listed: (await listSessions(data.ctx.db, NOW, adminId)).length,
    isKnown: (await findDevice(data.ctx.db, { tokenHash: `browser of ${tokenHash}`, email: EMAIL, now: NOW })) !== null,
  };
}

const ALIVE = { touched: true, isLive: true, listed: 1, isKnown: true };
const DEAD = { touched: false, isLive: false, listed: 0, isKnown: false };

describe("sessions and changes of credentials", () => {
  it.each(changes)("no session is opened by credentials that were checked before %s", async (_what, change) => {
    await change();
    await enable();
    expect(await open()).toBe(false);
    expect(await live()).toEqual(DEAD);
    const left = await data.database.sql`
      select token_hash from admin_devices union all select object from audit_log where action = 'session.open'`;
    expect(left).toHaveLength(0);
  });

  it.each(changes)("a session that is being opened while %s is not live afterwards", async (_what, change) => {
    // A transaction with the sign-in's lock: the change begins before the session can be seen, and ends after it.
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from admins where id = ${adminId} for share`,
    );
    const changed = change();
    await untilBlocked(data.database);
    expect(await open()).toBe(true);
    expect(await live()).toEqual(ALIVE);
    await holder.commit();
    await changed;
    await enable();
    expect(await live()).toEqual(DEAD);
  });

  it("the session in which a person changes the own password stays, and the others end", async () => {
    await open(0, "own");
    await open(0, "other");
    const { id: sessionId = 0 } = (await touchSession(data.ctx.db, "own", NOW)) ?? {};
    const choose = (credentialsVersion: number) =>
      setAdminPassword(data.ctx.db, {
        ...audit,
        email: EMAIL,
        passwordHash: "chosen",
        isIssued: false,
        ownSession: { sessionId, credentialsVersion },
      });
    expect(await choose(0)).toMatchObject({ status: "changed" });
    expect(await live("own")).toEqual(ALIVE);
    expect(await live("other")).toEqual({ ...DEAD, listed: 1 });
    expect(await choose(0)).toEqual({ status: "unchanged" });
    expect(await choose(1)).toMatchObject({ status: "changed" });
    expect(await live("own")).toEqual(ALIVE);
  });

  it("a session that has ended changes no password", async () => {
    await open();
    const { id: sessionId = 0 } = (await touchSession(data.ctx.db, "token", NOW)) ?? {};
    await markSessionEnded(data.ctx.db, { ...audit, sessionId });
    const own = { isIssued: false, ownSession: { sessionId, credentialsVersion: 0 } };
    expect(await setAdminPassword(data.ctx.db, { ...audit, ...own, email: EMAIL, passwordHash: "late" })).toEqual({
      status: "unchanged",
    });
  });

  it("a session whose password is reset meanwhile chooses no other one", async () => {
    await open();
    const { id: sessionId = 0 } = (await touchSession(data.ctx.db, "token", NOW)) ?? {};
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from admins where id = ${adminId} for share`,
    );
    const resetting = reset();
    await untilBlocked(data.database);
    const choosing = setAdminPassword(data.ctx.db, {
      ...audit,
      email: EMAIL,
      passwordHash: "stolen",
      isIssued: false,
      ownSession: { sessionId, credentialsVersion: 0 },
    });
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect([await resetting, await choosing]).toMatchObject([{ status: "changed" }, { status: "unchanged" }]);
    const [admin] = await data.database
      .sql`select password_hash, must_change_password from admins where id = ${adminId}`;
    expect(admin).toEqual({ password_hash: "new", must_change_password: true });
  });
});
