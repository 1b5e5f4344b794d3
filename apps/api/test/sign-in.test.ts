import { hashPassword } from "@cpa-payouts/access";
import { type ApiError, operations } from "@cpa-payouts/contract";
import { insertAdmin, SESSION_IDLE_MS, SESSION_LIFE_MS } from "@cpa-payouts/db";
import { generateSync } from "otplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { browserHeaders, CHEAP, clientWith, cookieOf, NOW, openTestApi, PASSWORD, type TestApi } from "./api.ts";

const EMAIL = "alice@example.com";
const alicesHash = hashPassword(PASSWORD, CHEAP);

let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
  await addAdmin(EMAIL);
});

afterEach(async () => {
  await api.close();
});

async function addAdmin(email: string): Promise<void> {
  const { db, clock } = api.flow.ctx;
  await insertAdmin(db, { actor: "test", email, role: "admin", passwordHash: await alicesHash, now: clock() });
}

interface Credentials {
  readonly email?: string;
  readonly password?: string;
  readonly code?: string;
}

function trySignIn(
  credentials: Credentials = {},
  more: { headers?: Record<string, string>; remoteAddress?: string } = {},
) {
  return api.request({
    method: "POST",
    url: operations.signIn.path,
    headers: { ...browserHeaders, ...more.headers },
    ...(more.remoteAddress ? { remoteAddress: more.remoteAddress } : {}),
    payload: { email: EMAIL, password: PASSWORD, ...credentials },
  });
}

/** Signs in over HTTP and returns a client with the new session. */
async function signIn(credentials: Credentials = {}, headers: Record<string, string> = {}) {
  const response = await trySignIn(credentials, { headers });
  expect(response.statusCode, response.body).toBe(200);
  return clientWith(api.request, { ...browserHeaders, cookie: cookieOf(response) });
}

const later = (ms: number) => api.flow.clock.set(new Date(new Date(NOW).getTime() + ms).toISOString());
const refusal = async (work: Promise<unknown>) => {
  const { status, problem } = await work.then(
    () => ({ status: 200, problem: null }),
    (cause: ApiError) => cause,
  );
  return { status, code: problem?.code };
};

describe("sign-in", () => {
  it("signing in returns the account and sets a cookie that scripts and other sites cannot use", async () => {
    const response = await trySignIn({ email: "ALICE@example.com" });
    expect(response.json()).toEqual({
      email: EMAIL,
      role: "admin",
      hasSecondFactor: false,
      confirmedUntil: "2026-12-07T12:15:00.000Z",
      expiresAt: "2026-12-08T00:00:00.000Z",
    });
    expect(response.headers["set-cookie"]).toMatch(
      /^payouts-session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
  });

  it("the database holds a hash of the session token, not the token", async () => {
    const token = cookieOf(await trySignIn()).split("=")[1] ?? "";
    const [row] = await api.flow.database.sql`select to_jsonb(s)::text as row from admin_sessions s`;
    expect(token).toHaveLength(43);
    expect(row?.row).not.toContain(token);
    const [admin] = await api.flow.database.sql`select password_hash from admins`;
    expect(admin?.password_hash).toMatch(/^scrypt\$/);
  });

  it.each([
    ["a wrong password", { password: "wrong" }],
    ["an unknown e-mail", { email: "unknown@example.com" }],
  ])("signing in with %s is refused without saying which credential is wrong", async (_what, credentials) => {
    const response = await trySignIn(credentials);
    expect(response.statusCode).toBe(401);
    expect(response.json()).toMatchObject({
      code: "wrong-credentials",
      detail: "the e-mail, the password or the code is wrong",
    });
    expect(response.headers["set-cookie"]).toBeUndefined();
  });

  it("signing in creates a new token and ends the browser's previous session", async () => {
    const before = await signIn();
    const planted = before.headers.cookie ?? "";
    const after = await signIn({}, { cookie: planted });
    expect(after.headers.cookie).not.toBe(planted);
    expect(await refusal(before.readSession())).toEqual({ status: 401, code: "signed-out" });
    await after.readSession();
    const fixed = clientWith(api.request, { ...browserHeaders, cookie: "payouts-session=chosen-by-somebody-else" });
    expect(await refusal(fixed.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("signing in is in the audit log with the client's address", async () => {
    const admin = await signIn();
    const { items } = await admin.listAuditLog({ query: { actor: EMAIL } });
    expect(items).toEqual([
      expect.objectContaining({ action: "session.open", object: "session:1", clientAddress: "127.0.0.1" }),
    ]);
  });

  it("over https the session cookie is sent only over https and only to this host", async () => {
    await api.close();
    api = await openTestApi({ config: { publicUrl: "https://payouts.example.com" } });
    await addAdmin(EMAIL);
    const headers = { host: "payouts.example.com", origin: "https://payouts.example.com" };
    const response = await trySignIn({}, { headers });
    expect(response.headers["set-cookie"]).toMatch(
      /^__Host-payouts-session=.*; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(response.headers["strict-transport-security"]).toBe("max-age=31536000; includeSubDomains");
  });
});

describe("sessions", () => {
  it("a session ends after 30 minutes without a request, but not while it is used", async () => {
    const admin = await signIn();
    for (let step = 1; step <= 3; step++) {
      later(step * (SESSION_IDLE_MS - 1_000));
      await admin.readSession();
    }
    later(3 * (SESSION_IDLE_MS - 1_000) + SESSION_IDLE_MS + 61_000);
    expect(await refusal(admin.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("a session ends after 12 hours even if it is used", async () => {
    const admin = await signIn();
    for (let passed = 0; passed < SESSION_LIFE_MS; passed += SESSION_IDLE_MS / 2) {
      later(passed);
      await admin.readSession();
    }
    later(SESSION_LIFE_MS);
    expect(await refusal(admin.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("signing out ends the session on the server", async () => {
    const admin = await signIn();
    await admin.signOut();
    expect(await refusal(admin.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("a session in another browser can be ended by its own administrator, and not by a viewer", async () => {
    const [mine, other] = [await signIn(), await signIn()];
    const viewer = await api.as("viewer");
    expect((await viewer.listSessions()).items).toHaveLength(1);
    const { items } = await mine.listSessions();
    const id = items.find(({ email, isThisOne }) => email === EMAIL && !isThisOne)?.id ?? 0;
    expect(await refusal(viewer.endSession({ params: { id } }))).toEqual({ status: 404, code: "not-found" });
    await other.readSession();
    await mine.endSession({ params: { id } });
    expect(await refusal(other.readSession())).toEqual({ status: 401, code: "signed-out" });
    await mine.readSession();
  });

  it("a new role of an administrator applies at once, and disabling an administrator ends their session at once", async () => {
    const [boss, viewer] = [await signIn(), await api.as("viewer")];
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { role: "operator" } });
    expect((await viewer.readSession()).role).toBe("operator");
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { isDisabled: true } });
    expect(await refusal(viewer.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("a session that ended when its administrator was disabled stays ended when they are enabled again", async () => {
    const [boss, viewer] = [await signIn(), await api.as("viewer")];
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { isDisabled: true } });
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { isDisabled: false } });
    expect(await refusal(viewer.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("sensitive operations are possible again after the password is confirmed", async () => {
    const admin = await signIn();
    later(20 * 60_000);
    const body = { coolingOffDays: 3 };
    expect(await refusal(admin.changeSettings({ body }))).toEqual({ status: 403, code: "confirmation-required" });
    expect(await refusal(admin.confirmSession({ body: { password: "wrong" } }))).toMatchObject({ status: 401 });
    expect(await refusal(admin.changeSettings({ body }))).toMatchObject({ status: 403 });
    await admin.confirmSession({ body: { password: PASSWORD } });
    expect(await admin.changeSettings({ body })).toMatchObject({ coolingOffDays: 3, updatedBy: EMAIL });
  });

  it("changing the password ends all other sessions of the account", async () => {
    const [mine, other] = [await signIn(), await signIn()];
    await mine.changePassword({ body: { password: "another long password" } });
    expect(await refusal(other.readSession())).toEqual({ status: 401, code: "signed-out" });
    await mine.readSession();
    expect((await trySignIn()).statusCode).toBe(401);
    expect((await trySignIn({ password: "another long password" })).statusCode).toBe(200);
  });
});

describe("second factor", () => {
  async function switchOn() {
    const admin = await signIn();
    const { secret, uri } = await admin.proposeSecondFactor();
    expect(uri).toContain(`secret=${secret}`);
    const code = generateSync({ secret, epoch: codeTime() });
    const { recoveryCodes } = await admin.setSecondFactor({ body: { secret, code } });
    return { admin, secret, recoveryCodes };
  }
  const codeTime = () => Math.floor(api.flow.clock().getTime() / 1_000);

  it("the second factor is asked for only after the right password", async () => {
    const { secret } = await switchOn();
    expect((await trySignIn()).json().code).toBe("second-factor-required");
    expect((await trySignIn({ password: "wrong" })).json().code).toBe("wrong-credentials");
    later(60_000);
    expect((await trySignIn({ code: "000000" })).json().code).toBe("wrong-credentials");
    const response = await trySignIn({ code: generateSync({ secret, epoch: codeTime() }) });
    expect(response.json()).toMatchObject({ email: EMAIL, hasSecondFactor: true });
  });

  it("an authenticator code is accepted once, and no earlier code after it", async () => {
    const { secret } = await switchOn();
    later(60_000);
    const [older = "", code = ""] = [codeTime() - 30, codeTime()].map((epoch) => generateSync({ secret, epoch }));
    expect((await trySignIn({ code })).statusCode).toBe(200);
    expect((await trySignIn({ code })).statusCode).toBe(401);
    expect((await trySignIn({ code: older })).statusCode).toBe(401);
  });

  it("each recovery code is accepted once", async () => {
    const { recoveryCodes } = await switchOn();
    expect(new Set(recoveryCodes).size).toBe(10);
    const [first = "", second = ""] = recoveryCodes;
    expect((await trySignIn({ code: first.toUpperCase() })).statusCode).toBe(200);
    expect((await trySignIn({ code: first })).statusCode).toBe(401);
    expect((await trySignIn({ code: second })).statusCode).toBe(200);
  });

  it("switching on the second factor needs a valid code and ends the other sessions", async () => {
    const other = await signIn();
    const admin = await signIn();
    const { secret } = await admin.proposeSecondFactor();
    expect(await refusal(admin.setSecondFactor({ body: { secret, code: "000000" } }))).toMatchObject({ status: 400 });
    await admin.setSecondFactor({ body: { secret, code: generateSync({ secret, epoch: codeTime() }) } });
    expect(await refusal(other.readSession())).toMatchObject({ status: 401 });
    expect((await admin.readSession()).hasSecondFactor).toBe(true);
  });

  it("confirming the password needs the second factor, which can then be switched off", async () => {
    const { admin, recoveryCodes } = await switchOn();
    expect(await refusal(admin.confirmSession({ body: { password: PASSWORD } }))).toMatchObject({
      code: "second-factor-required",
    });
    await admin.confirmSession({ body: { password: PASSWORD, code: recoveryCodes[0] } });
    await admin.removeSecondFactor();
    expect((await trySignIn()).statusCode).toBe(200);
  });
});

describe("sign-in limits", () => {
  const wrong = { password: "wrong" };
  const statuses = async (count: number, ...args: Parameters<typeof trySignIn>) => {
    const tries = [];
    for (let index = 0; index < count; index++) tries.push((await trySignIn(...args)).statusCode);
    return tries;
  };

  it("after five wrong passwords from one address even the right password has to wait a minute", async () => {
    expect(await statuses(6, wrong)).toEqual([401, 401, 401, 401, 401, 429]);
    const refused = await trySignIn();
    expect(refused.json()).toMatchObject({ code: "too-many-requests", detail: "too many tries; wait 60 seconds" });
    later(61_000);
    expect((await trySignIn()).statusCode).toBe(200);
  });

  it("a right password resets the count of the wrong ones", async () => {
    expect(await statuses(4, wrong)).toEqual([401, 401, 401, 401]);
    expect(await statuses(1)).toEqual([200]);
    expect(await statuses(5, wrong)).toEqual([401, 401, 401, 401, 401]);
  });

  it("a forged X-Forwarded-For header does not evade the limit of tries to sign in", async () => {
    const tries = [];
    for (let index = 0; index < 7; index++)
      tries.push(
        (
          await trySignIn(wrong, {
            headers: { "x-forwarded-for": `203.0.113.${index}`, forwarded: `for=203.0.113.${index}` },
          })
        ).statusCode,
      );
    expect(tries).toEqual([401, 401, 401, 401, 401, 429, 429]);
  });

  it("tries to sign in are counted by the address that a trusted proxy reports", async () => {
    await api.close();
    api = await openTestApi({ config: { trustedProxies: ["10.0.0.0/8"] } });
    await addAdmin(EMAIL);
    const via = (client: string, proxy: string) => ({ headers: { "x-forwarded-for": client }, remoteAddress: proxy });
    expect(await statuses(6, wrong, via("203.0.113.7", "10.0.0.1"))).toEqual([401, 401, 401, 401, 401, 429]);
    expect(await statuses(1, wrong, via("203.0.113.8", "10.0.0.1"))).toEqual([401]);
    // An address that the client itself put in front does not count: the proxy appends the address that it sees.
    expect(await statuses(1, wrong, via("198.51.100.1, 203.0.113.7", "10.0.0.1"))).toEqual([429]);
    // The header of a proxy that is not trusted is ignored.
    expect(await statuses(6, wrong, via("203.0.113.9", "192.0.2.1"))).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it("tries to sign in from one address to many accounts are limited", async () => {
    const tries = [];
    for (let index = 0; index < 22; index++)
      tries.push((await trySignIn({ ...wrong, email: `user${index}@example.com` })).statusCode);
    expect(tries.filter((status) => status === 429)).toHaveLength(2);
  });

  it("concurrent tries to sign in are all counted", async () => {
    const tries = await Promise.all(Array.from({ length: 12 }, () => trySignIn(wrong)));
    expect(tries.filter(({ statusCode }) => statusCode === 401)).toHaveLength(5);
  });
});

describe("host check", () => {
  it("a request for a host name that is not the server's is refused", async () => {
    const response = await trySignIn({}, { headers: { host: "evil.example.com", origin: "http://evil.example.com" } });
    expect(response.statusCode).toBe(421);
    expect(
      (await trySignIn({}, { headers: { host: "127.0.0.1:3000", origin: "http://127.0.0.1:3000" } })).statusCode,
    ).toBe(200);
  });
});
