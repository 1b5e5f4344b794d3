import { operations } from "@cpa-payouts/contract";
import { GUARDED_LONG_WAIT_MS, GUARDED_WAIT_MS } from "@cpa-payouts/core";
import { findAdmin, getSettings } from "@cpa-payouts/db";
import { tick } from "@cpa-payouts/pipeline";
import { latch } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  browserHeaders,
  clientWith,
  cookieOf,
  held,
  made,
  NOW,
  openTestApi,
  PASSWORD,
  refusal,
  type SignedIn,
  type TestApi,
} from "./api.ts";

const [ALICE, BOB, CAROL] = ["alice@example.com", "bob@example.com", "carol@example.com"] as const;

let api: TestApi;
let alice: SignedIn;
let bob: SignedIn;
/** Runs before each work with a password. */
let hashed: () => Promise<void>;

beforeEach(async () => {
  hashed = async () => {};
  api = await openTestApi({ hashing: { run: async (work) => hashed().then(work) } });
  alice = await api.as("admin", { email: ALICE });
  bob = await api.as("admin", { email: BOB });
  await made(alice.changeSettings({ body: { twoPersonAbove: "500.00" } }));
});

afterEach(() => api.close());

/** Lets time pass. Sessions do not survive it: sign in again. */
const later = async (ms: number) => {
  api.flow.clock.set(new Date(new Date(NOW).getTime() + ms).toISOString());
  alice = await api.as("admin", { email: ALICE });
};
/** The change that waits; its wait has begun. */
const announced = async (work: Promise<unknown>) => {
  const change = await held(work);
  await tick(api.flow.ctx);
  return change;
};
const mayApplyAt = async () => (await alice.listChanges()).items[0]?.mayApplyAt;
const settings = () => getSettings(api.flow.ctx.db);
const admin = (email: string) => findAdmin(api.flow.ctx.db, email);
const SECOND_PERSON = { status: 403, code: "second-person-required", current: undefined };

async function signIn(email: string, password: string): Promise<SignedIn> {
  const payload = { email, password };
  const response = await api.request({
    method: "POST",
    url: operations.signIn.path,
    headers: browserHeaders,
    payload,
  });
  expect(response.statusCode, response.body).toBe(200);
  return clientWith(api.request, { ...browserHeaders, cookie: cookieOf(response) });
}

describe("one administrator alone, while the two-person rule is on", () => {
  it.each([
    ["switch the rule off", { twoPersonAbove: null }],
    ["raise its amount", { twoPersonAbove: "500.01" }],
    ["lift the limit of entries", { largestEntry: "1000000.01" }],
    ["lift the limit of balances", { largestBalance: "10000000.01" }],
    ["put the alert of late reviews off", { reviewAlertDays: 4 }],
    ["switch the alert of late reviews off", { reviewAlertDays: 0 }],
    ["relax one rule together with a stricter one", { coolingOffDays: 9, twoPersonAbove: null }],
  ])("an administrator cannot %s alone", async (_what, body) => {
    const before = await settings();
    await held(alice.changeSettings({ body }));
    expect(await settings()).toEqual(before);
  });

  it("an administrator alone may make every rule stricter, and then not go back", async () => {
    const body = { twoPersonAbove: "0", coolingOffDays: 9, reviewAlertDays: 2, largestEntry: "1", largestBalance: "1" };
    await made(alice.changeSettings({ body }));
    await held(alice.changeSettings({ body: { coolingOffDays: 8 } }));
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 0n, coolingOffDays: 9 });
  });

  it("an administrator alone adds viewers, and no account with more rights", async () => {
    await made(alice.createAdmin({ body: { email: CAROL, role: "viewer" } }));
    for (const role of ["operator", "admin"] as const)
      await held(alice.createAdmin({ body: { email: `${role}@example.net`, role } }));
    await held(alice.changeAdmin({ params: { email: CAROL }, body: { role: "operator" } }));
    expect(await admin("operator@example.net")).toBeNull();
    expect(await admin(CAROL)).toMatchObject({ role: "viewer" });
  });

  it("an administrator alone demotes and disables colleagues, and does not enable or promote them again", async () => {
    const params = { email: BOB };
    await made(alice.changeAdmin({ params, body: { role: "operator" } }));
    await held(alice.changeAdmin({ params, body: { role: "admin" } }));
    await made(alice.changeAdmin({ params, body: { isDisabled: true } }));
    expect(await refusal(alice.changeAdmin({ params, body: { isDisabled: false } }))).toMatchObject({ status: 409 });
    expect(await admin(BOB)).toMatchObject({ role: "operator", disabledAt: expect.any(Date) });
  });

  it("a role that is given to a disabled account cannot be used to enable it with more rights", async () => {
    await made(alice.createAdmin({ body: { email: CAROL, role: "viewer" } }));
    const params = { email: CAROL };
    await made(alice.changeAdmin({ params, body: { isDisabled: true, role: "admin" } }));
    await held(alice.changeAdmin({ params, body: { isDisabled: false } }));
    expect(await admin(CAROL)).toMatchObject({ disabledAt: expect.any(Date) });
  });

  it("an administrator alone changes no password and no second factor of a colleague", async () => {
    const before = await admin(BOB);
    await held(alice.resetAdminPassword({ params: { email: BOB } }));
    await held(alice.removeAdminSecondFactor({ params: { email: BOB } }));
    expect(await admin(BOB)).toEqual(before);
    await bob.readSession();
    expect(await refusal(alice.resetAdminPassword({ params: { email: "nobody@example.com" } }))).toMatchObject({
      status: 404,
    });
  });

  it("an administrator still changes their own password and removes their own second factor at once", async () => {
    const before = await admin(ALICE);
    await alice.changePassword({ body: { password: "another long password" } });
    expect((await admin(ALICE))?.passwordHash).not.toBe(before?.passwordHash);
    await alice.removeSecondFactor();
    expect((await alice.listChanges()).items).toEqual([]);
  });

  it("what passed the look at the rule before it was switched on is not made after it", async () => {
    await api.flow.database.sql`update settings set two_person_above_cents = null`;
    const [creating, resetting, ruled] = [latch(), latch(), latch()];
    const arrivals = [creating, resetting];
    hashed = () => {
      arrivals.shift()?.open();
      return ruled.opened;
    };
    const requests = [
      alice.createAdmin({ body: { email: CAROL, role: "admin" } }),
      alice.resetAdminPassword({ params: { email: BOB } }),
    ];
    await Promise.all([creating.opened, resetting.opened]);
    await made(bob.changeSettings({ body: { twoPersonAbove: "500.00" } }));
    ruled.open();
    for (const request of requests) await held(request);
    expect(await admin(CAROL)).toBeNull();
    expect(await admin(BOB)).toMatchObject({ mustChangePassword: false });
  });

  it("the requester of a change cannot confirm it, and a second request of its kind is refused with the first", async () => {
    const { id } = await held(alice.changeSettings({ body: { twoPersonAbove: null } }));
    expect(await refusal(alice.confirmChange({ params: { id } }))).toEqual(SECOND_PERSON);
    expect(await refusal(bob.changeSettings({ body: { coolingOffDays: 0, twoPersonAbove: null } }))).toMatchObject({
      status: 409,
      current: { id, requestedBy: ALICE },
    });
  });

  it("a change that gives more rights shows the role and the state that result", async () => {
    await made(alice.createAdmin({ body: { email: CAROL, role: "viewer" } }));
    const params = { email: CAROL };
    await made(alice.changeAdmin({ params, body: { isDisabled: true } }));
    await made(alice.changeAdmin({ params, body: { role: "admin" } }));
    const { wanted } = await held(alice.changeAdmin({ params, body: { isDisabled: false } }));
    expect(wanted).toEqual({ role: "admin", isDisabled: false });
  });

  it("a request that changes nothing has no row in the audit log", async () => {
    const count = async () => (await api.flow.database.sql`select from audit_log`).length;
    await made(alice.createAdmin({ body: { email: CAROL, role: "viewer" } }));
    const before = await count();
    await made(alice.changeAdmin({ params: { email: CAROL }, body: { role: "viewer", isDisabled: false } }));
    await made(alice.changeSettings({ body: { twoPersonAbove: "500.00" } }));
    expect(await count()).toBe(before);
  });

  it("without the rule every change is made at once", async () => {
    const { id } = await held(alice.changeSettings({ body: { twoPersonAbove: null } }));
    await bob.confirmChange({ params: { id } });
    const { password } = await made(alice.createAdmin({ body: { email: CAROL, role: "admin" } }));
    expect(password).toMatch(/^(\w{5}-){3}\w{5}$/);
    await made(alice.resetAdminPassword({ params: { email: BOB } }));
  });
});

describe("a second person", () => {
  it("the colleague who confirms a new administrator is the one who gets the password", async () => {
    const change = await held(alice.createAdmin({ body: { email: CAROL, role: "operator" } }));
    expect(change).toMatchObject({ status: "waiting", mayApplyAt: null });
    expect(JSON.stringify(change)).not.toContain("password");
    const confirmed = await bob.confirmChange({ params: { id: change.id } });
    expect(confirmed.change).toMatchObject({ status: "applied", requestedBy: ALICE, decidedBy: BOB });
    const carol = await signIn(CAROL, confirmed.password ?? "");
    expect(await carol.readSession()).toMatchObject({ role: "operator", mustChangePassword: true });
    const { items } = await bob.listAuditLog({ query: { object: `admin:${CAROL}` } });
    expect(items).toMatchObject([
      { actor: BOB, action: "admin.create", after: { role: "operator", requestedBy: ALICE, change: change.id } },
    ]);
  });

  it("of two confirmations at once one makes the change, and it is in the audit log once", async () => {
    const carol = await api.as("admin", { email: CAROL });
    const { id } = await held(alice.resetAdminPassword({ params: { email: "carol@example.com" } }));
    const answers = await Promise.all([bob, bob, carol].map((one) => refusal(one.confirmChange({ params: { id } }))));
    expect(answers.filter(({ status }) => status === undefined)).toHaveLength(1);
    expect(await api.flow.database.sql`select from audit_log where action = 'admin.password'`).toHaveLength(1);
  });

  it("every administrator may stop a change, also with a password given long ago; afterwards it cannot be confirmed", async () => {
    const stale = await api.as("admin", { email: CAROL, confirmedMs: 20 * 60_000 });
    const { id } = await held(alice.changeSettings({ body: { twoPersonAbove: null } }));
    expect(await refusal(stale.confirmChange({ params: { id } }))).toMatchObject({ code: "confirmation-required" });
    expect(await stale.stopChange({ params: { id } })).toMatchObject({ status: "stopped", decidedBy: CAROL });
    expect(await refusal(bob.confirmChange({ params: { id } }))).toMatchObject({ status: 409 });
    expect(await refusal(bob.stopChange({ params: { id } }))).toMatchObject({ status: 409 });
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 500_00n });
    const operator = await api.as("operator");
    expect(await refusal(operator.stopChange({ params: { id } }))).toMatchObject({ status: 403 });
  });

  it("an account that is less than a day old, or has just got its password or role, is no second person", async () => {
    const create = await held(alice.createAdmin({ body: { email: CAROL, role: "admin" } }));
    const { password } = await bob.confirmChange({ params: { id: create.id } });
    const carol = await signIn(CAROL, password ?? "");
    const relax = await held(alice.changeSettings({ body: { twoPersonAbove: null } }));
    const confirm = { params: { id: relax.id } };
    expect(await refusal(carol.confirmChange(confirm))).toMatchObject({ code: "password-must-be-changed" });
    await carol.changePassword({ body: { password: "another long password" } });
    expect(await refusal(carol.confirmChange(confirm))).toEqual(SECOND_PERSON);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 500_00n });
    await later(GUARDED_WAIT_MS + 1);
    const grown = await signIn(CAROL, "another long password");
    expect(await grown.confirmChange(confirm)).toMatchObject({ change: { status: "applied" } });
  });

  it("a change that an account requests on its first day cannot be confirmed on that day, also not by who got its password", async () => {
    const create = await held(bob.createAdmin({ body: { email: CAROL, role: "admin" } }));
    const { password } = await alice.confirmChange({ params: { id: create.id } });
    const carol = await signIn(CAROL, password ?? "");
    await carol.changePassword({ body: { password: PASSWORD } });
    const relax = await held(carol.changeSettings({ body: { twoPersonAbove: null } }));
    for (const one of [alice, bob])
      expect(await refusal(one.confirmChange({ params: { id: relax.id } }))).toEqual(SECOND_PERSON);
    await carol.stopChange({ params: { id: relax.id } });
    await later(GUARDED_WAIT_MS + 1);
    const grown = await signIn(CAROL, PASSWORD);
    const again = await held(grown.changeSettings({ body: { twoPersonAbove: null } }));
    expect(await alice.confirmChange({ params: { id: again.id } })).toMatchObject({ change: { status: "applied" } });
  });

  it("a change whose requester got another password since cannot be confirmed on that day", async () => {
    const carol = await api.as("admin", { email: CAROL });
    const { id } = await held(carol.changeSettings({ body: { twoPersonAbove: null } }));
    const reset = await held(bob.resetAdminPassword({ params: { email: CAROL } }));
    await alice.confirmChange({ params: { id: reset.id } });
    expect(await refusal(alice.confirmChange({ params: { id } }))).toEqual(SECOND_PERSON);
  });

  it("a change whose object has changed since the request is stopped instead of made", async () => {
    await api.as("viewer");
    const params = { email: "viewer@example.com" };
    const { id } = await held(alice.changeAdmin({ params, body: { role: "admin" } }));
    await made(bob.changeAdmin({ params, body: { isDisabled: true } }));
    expect(await refusal(bob.confirmChange({ params: { id } }))).toMatchObject({
      status: 409,
      current: { status: "stopped", stopReason: "object-changed" },
    });
    expect(await admin("viewer@example.com")).toMatchObject({ role: "viewer" });
  });
});

describe("time instead of a second person", () => {
  it("a change that was not stopped is made by the tick after 24 hours, not before", async () => {
    const { id } = await announced(alice.changeSettings({ body: { twoPersonAbove: null } }));
    await later(GUARDED_WAIT_MS - 1);
    await tick(api.flow.ctx);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 500_00n });
    await later(GUARDED_WAIT_MS);
    await Promise.all([tick(api.flow.ctx), tick(api.flow.ctx)]);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: null, updatedBy: ALICE });
    expect((await alice.listChanges()).items).toMatchObject([{ id, status: "applied", decidedBy: "system" }]);
    expect(
      await api.flow.database.sql`select from audit_log where action = 'settings.change' and actor = 'system'`,
    ).toHaveLength(1);
  });

  it("a change is not made before a tick has announced it and 24 hours have passed since, neither by the tick nor for the requester", async () => {
    const { id } = await held(alice.changeSettings({ body: { twoPersonAbove: null } }));
    await later(GUARDED_LONG_WAIT_MS);
    expect(await mayApplyAt()).toBeNull();
    expect(await refusal(alice.confirmChange({ params: { id } }))).toEqual(SECOND_PERSON);
    await tick(api.flow.ctx);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 500_00n });
    await later(GUARDED_LONG_WAIT_MS + GUARDED_WAIT_MS - 1);
    await tick(api.flow.ctx);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 500_00n });
    expect(await refusal(alice.confirmChange({ params: { id } }))).toEqual(SECOND_PERSON);
    await later(GUARDED_LONG_WAIT_MS + GUARDED_WAIT_MS);
    await tick(api.flow.ctx);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: null });
  });

  it("a change waits seven days after any administrator was disabled by another, also if another person than the requester did it", async () => {
    const carol = await api.as("admin", { email: CAROL });
    await announced(alice.changeSettings({ body: { twoPersonAbove: null } }));
    await made(bob.changeAdmin({ params: { email: BOB }, body: { role: "operator" } }));
    expect(await mayApplyAt()).toBe("2026-12-08T12:00:00.000Z");
    bob = await api.as("admin", { email: "ben@example.com" });
    await made(carol.changeAdmin({ params: { email: "ben@example.com" }, body: { isDisabled: true } }));
    expect(await mayApplyAt()).toBe("2026-12-14T12:00:00.000Z");
  });

  it.each([
    ["another password", () => alice.resetAdminPassword({ params: { email: BOB } })],
    ["no second factor", () => alice.removeAdminSecondFactor({ params: { email: BOB } })],
  ])("a change waits seven days after an administrator got %s from others", async (_what, take) => {
    await api.flow.database
      .sql`update admins set totp_secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' where email = ${BOB}`;
    const carol = await api.as("admin", { email: CAROL });
    await carol.confirmChange({ params: { id: (await held(take())).id } });
    await announced(alice.changeSettings({ body: { twoPersonAbove: null } }));
    expect(await mayApplyAt()).toBe("2026-12-14T12:00:00.000Z");
  });

  it("a requester who disables or demotes a colleague waits seven days, also when the request came first", async () => {
    const { id } = await announced(alice.changeSettings({ body: { twoPersonAbove: null } }));
    await made(alice.changeAdmin({ params: { email: BOB }, body: { isDisabled: true } }));
    expect((await alice.listChanges()).items).toMatchObject([{ id, mayApplyAt: "2026-12-14T12:00:00.000Z" }]);
    await later(GUARDED_LONG_WAIT_MS - 1);
    await tick(api.flow.ctx);
    expect(await refusal(alice.confirmChange({ params: { id } }))).toEqual(SECOND_PERSON);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 500_00n });
    await later(GUARDED_LONG_WAIT_MS);
    await tick(api.flow.ctx);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: null });
  });

  it("a requester who ends the session of another administrator waits seven days, one who signs out does not", async () => {
    await announced(alice.changeSettings({ body: { twoPersonAbove: null } }));
    const viewer = await api.as("viewer");
    const endSessionOf = async (email: string) => {
      const { items } = await alice.listSessions();
      await alice.endSession({ params: { id: items.find((one) => one.email === email)?.id ?? 0 } });
    };
    await endSessionOf("viewer@example.com");
    await alice.signOut();
    alice = await api.as("admin", { email: ALICE });
    expect(await refusal(viewer.readSession())).toMatchObject({ status: 401 });
    expect(await mayApplyAt()).toBe("2026-12-08T12:00:00.000Z");
    await endSessionOf(BOB);
    expect(await mayApplyAt()).toBe("2026-12-14T12:00:00.000Z");
  });

  it("the requester takes the password of a new administrator after the wait; the tick issues none", async () => {
    const { id } = await announced(alice.createAdmin({ body: { email: CAROL, role: "operator" } }));
    await later(GUARDED_WAIT_MS);
    await tick(api.flow.ctx);
    expect(await admin(CAROL)).toBeNull();
    const { password } = await alice.confirmChange({ params: { id } });
    expect(await (await signIn(CAROL, password ?? "")).readSession()).toMatchObject({ mustChangePassword: true });
  });

  it("a change whose password was not taken ends after two weeks", async () => {
    const { id } = await announced(alice.resetAdminPassword({ params: { email: BOB } }));
    await later(14 * 86_400_000);
    await tick(api.flow.ctx);
    expect((await alice.listChanges()).items).toMatchObject([{ id, status: "stopped", stopReason: "expired" }]);
  });

  it("the changes of a requester who was disabled are not made", async () => {
    const { id } = await announced(alice.changeSettings({ body: { twoPersonAbove: null } }));
    await made(bob.changeAdmin({ params: { email: ALICE }, body: { isDisabled: true } }));
    expect((await bob.listChanges()).items).toMatchObject([
      { id, status: "stopped", stopReason: "requester-lost-rights" },
    ]);
    expect(await settings()).toMatchObject({ twoPersonAboveCents: 500_00n });
  });
});

describe("issued passwords", () => {
  it("with a password that another person issued a session can only change it, read itself and sign out", async () => {
    const { password } = await made(alice.createAdmin({ body: { email: CAROL, role: "viewer" } }));
    const carol = await signIn(CAROL, password);
    expect(await carol.readSession()).toMatchObject({ mustChangePassword: true });
    await carol.confirmSession({ body: { password } });
    const refused = [carol.listSessions, carol.readSettings, carol.listInvoices, carol.proposeSecondFactor];
    for (const call of refused)
      expect(await refusal(call())).toMatchObject({ status: 403, code: "password-must-be-changed" });
    const page = await api.request({ url: "/docs/", headers: { ...carol.headers, accept: "text/html" } });
    expect([page.statusCode, page.headers.location]).toEqual([302, "/sign-in?next=%2Fdocs%2F"]);
    expect(await refusal(carol.changePassword({ body: { password } }))).toMatchObject({ status: 400 });
    await carol.changePassword({ body: { password: PASSWORD } });
    await carol.readSettings();
    expect(await (await signIn(CAROL, PASSWORD)).readSession()).toMatchObject({ mustChangePassword: false });
  });
});

describe("tokens of administrators", () => {
  it("a token may never do more than its creator may now, and ends when the creator is disabled", async () => {
    const { token } = await bob.createToken({
      body: { name: "erp", scopes: ["invoices:read", "credits:write", "adjustments:write"] },
    });
    const program = clientWith(api.request, { authorization: `Bearer ${token}` });
    const credit = () => {
      const headers = { "idempotency-key": "c-1" };
      return refusal(program.createCredit({ headers, body: { externalId: "nobody", amount: "1.00" } }));
    };
    const adjust = () => {
      const headers = { "idempotency-key": "a-1" };
      return refusal(
        program.createAdjustment({ headers, body: { externalId: "nobody", amount: "1.00", reason: "x" } }),
      );
    };
    expect([(await credit()).status, (await adjust()).status]).toEqual([404, 404]);
    await made(alice.changeAdmin({ params: { email: BOB }, body: { role: "operator" } }));
    expect([(await credit()).status, (await adjust()).status]).toEqual([404, 403]);
    await made(alice.changeAdmin({ params: { email: BOB }, body: { role: "viewer" } }));
    expect((await credit()).status).toBe(403);
    await program.listInvoices();
    await made(alice.changeAdmin({ params: { email: BOB }, body: { isDisabled: true } }));
    expect(await refusal(program.listInvoices())).toMatchObject({ status: 401, code: "token-creator-disabled" });
  });

  it("an administrator cannot have the name of a program", async () => {
    for (const email of ["token:x@y", "cli:root@example.com", "a@b:c"])
      expect(await refusal(alice.createAdmin({ body: { email, role: "viewer" } }))).toMatchObject({ status: 400 });
  });

  it.each([
    "bob\u200b@example.com",
    "b\u043eb@example.com",
    "\u202emoc.elpmaxe@bob",
    "bob,x@example.com",
    '"bob@example.com',
    "<bob@example.com>",
    "bob@ex\u00e4mple.com",
    "bob@-example.com",
  ])("a new administrator cannot have the e-mail %j", async (email) => {
    expect(await refusal(alice.createAdmin({ body: { email, role: "viewer" } }))).toMatchObject({ status: 400 });
  });

  it("a new administrator may have a plus, an apostrophe and a punycode domain in the e-mail", async () => {
    for (const email of ["carol+payouts@example.com", "o'brien@example.com", "dan@xn--exmple-cua.example"])
      await made(alice.createAdmin({ body: { email, role: "viewer" } }));
  });

  it("an administrator with an e-mail that is refused today still signs in and is changed", async () => {
    const email = "b\u043eb@example.com";
    await api.as("viewer", { email });
    await (await signIn(email, PASSWORD)).readSession();
    await made(alice.changeAdmin({ params: { email }, body: { isDisabled: true } }));
  });

  it.each(["\u202etset", "te\u200bst", "te\u3164st"])("a token cannot have the name %j", async (name) => {
    const scopes: ["audit:read"] = ["audit:read"];
    expect(await refusal(alice.createToken({ body: { name, scopes } }))).toMatchObject({ status: 400 });
  });
});
