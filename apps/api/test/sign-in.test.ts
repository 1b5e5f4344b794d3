import { scryptSync } from "node:crypto";
import { SESSION_IDLE_MS, SESSION_LIFE_MS } from "@cpa-payouts/db";
import { generateSync } from "otplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  browserHeaders,
  clientWith,
  cookieOf,
  NOW,
  openTestApi,
  PASSWORD,
  type SignedIn,
  type TestApi,
} from "./api.ts";
import { addAdmin, EMAIL, refusal, secondsOf, signIn, trySignIn } from "./sign-ins.ts";

let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
  await addAdmin(api, EMAIL);
});

afterEach(async () => {
  await api.close();
});

const later = (ms: number) => api.flow.clock.set(new Date(new Date(NOW).getTime() + ms).toISOString());

describe("sign-in", () => {
  it("signing in returns the account and sets cookies that scripts and other sites cannot use", async () => {
    const response = await trySignIn(api, { email: "ALICE@example.com" });
    expect(response.json()).toEqual({
      email: EMAIL,
      role: "admin",
      hasSecondFactor: false,
      mustChangePassword: false,
      confirmedUntil: "2026-12-07T12:15:00.000Z",
      expiresAt: "2026-12-08T00:00:00.000Z",
    });
    expect(response.headers["set-cookie"]).toEqual([
      expect.stringMatching(/^payouts-session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/),
      expect.stringMatching(/^payouts-device=[\w-]{43}; Max-Age=15552000; Path=\/; HttpOnly; SameSite=Strict$/),
    ]);
  });

  it("the database holds a hash of the session token, not the token", async () => {
    const token = cookieOf(await trySignIn(api)).split("=")[1] ?? "";
    const [row] = await api.flow.database.sql`select to_jsonb(s)::text as row from admin_sessions s`;
    expect(token).toHaveLength(43);
    expect(row?.row).not.toContain(token);
    const [admin] = await api.flow.database.sql`select password_hash from admins`;
    expect(admin?.password_hash).toMatch(/^\$argon2id\$/);
  });

  it.each([
    ["a wrong password", { password: "wrong" }],
    ["an unknown e-mail", { email: "unknown@example.com" }],
  ])("signing in with %s is refused without saying which credential is wrong", async (_what, credentials) => {
    const response = await trySignIn(api, credentials);
    expect(response.statusCode).toBe(401);
    expect(response.json()).toMatchObject({
      code: "wrong-credentials",
      detail: "the e-mail, the password or the code is wrong",
    });
    expect(response.headers["set-cookie"]).toBeUndefined();
  });

  it("signing in creates a new token and ends the browser's previous session", async () => {
    const before = await signIn(api);
    const planted = before.headers.cookie ?? "";
    const after = await signIn(api, {}, { cookie: planted });
    expect(after.headers.cookie).not.toBe(planted);
    expect(await refusal(before.readSession())).toEqual({ status: 401, code: "signed-out" });
    await after.readSession();
    const fixed = clientWith(api.request, { ...browserHeaders, cookie: "payouts-session=chosen-by-somebody-else" });
    expect(await refusal(fixed.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("signing in is in the audit log with the client's address", async () => {
    const admin = await signIn(api);
    const { items } = await admin.listAuditLog({ query: { actor: EMAIL } });
    expect(items).toEqual([
      expect.objectContaining({ action: "session.open", object: "session:1", clientAddress: "127.0.0.1" }),
    ]);
  });

  it("over https the cookies are sent only over https and only to this host", async () => {
    await api.close();
    api = await openTestApi({ config: { publicUrl: "https://payouts.example.com" } });
    await addAdmin(api, EMAIL);
    const headers = { host: "payouts.example.com", origin: "https://payouts.example.com" };
    const response = await trySignIn(api, {}, { headers });
    expect(response.headers["set-cookie"]).toEqual([
      expect.stringMatching(/^__Host-payouts-session=.*; Path=\/; HttpOnly; Secure; SameSite=Strict$/),
      expect.stringMatching(/^__Host-payouts-device=.*; Path=\/; HttpOnly; Secure; SameSite=Strict$/),
    ]);
    expect(response.headers["strict-transport-security"]).toBe("max-age=31536000; includeSubDomains");
  });
});

describe("sessions", () => {
  it("a session ends after 30 minutes without a request, but not while it is used", async () => {
    const admin = await signIn(api);
    for (let step = 1; step <= 3; step++) {
      later(step * (SESSION_IDLE_MS - 1_000));
      await admin.readSession();
    }
    later(3 * (SESSION_IDLE_MS - 1_000) + SESSION_IDLE_MS + 61_000);
    expect(await refusal(admin.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("a session ends after 12 hours even if it is used", async () => {
    const admin = await signIn(api);
    for (let passed = 0; passed < SESSION_LIFE_MS; passed += SESSION_IDLE_MS / 2) {
      later(passed);
      await admin.readSession();
    }
    later(SESSION_LIFE_MS);
    expect(await refusal(admin.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("signing out ends the session on the server", async () => {
    const admin = await signIn(api);
    await admin.signOut();
    expect(await refusal(admin.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("a session in another browser can be ended by its own administrator, and not by a viewer", async () => {
    const [mine, other] = [await signIn(api), await signIn(api)];
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
    const [boss, viewer] = [await signIn(api), await api.as("viewer")];
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { role: "operator" } });
    expect((await viewer.readSession()).role).toBe("operator");
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { isDisabled: true } });
    expect(await refusal(viewer.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("a session that ended when its administrator was disabled stays ended when they are enabled again", async () => {
    const [boss, viewer] = [await signIn(api), await api.as("viewer")];
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { isDisabled: true } });
    await boss.changeAdmin({ params: { email: "viewer@example.com" }, body: { isDisabled: false } });
    expect(await refusal(viewer.readSession())).toEqual({ status: 401, code: "signed-out" });
  });

  it("sensitive operations are possible again after the password is confirmed", async () => {
    const admin = await signIn(api);
    later(20 * 60_000);
    const body = { coolingOffDays: 3 };
    expect(await refusal(admin.changeSettings({ body }))).toEqual({ status: 403, code: "confirmation-required" });
    expect(await refusal(admin.confirmSession({ body: { password: "wrong" } }))).toMatchObject({ status: 401 });
    expect(await refusal(admin.changeSettings({ body }))).toMatchObject({ status: 403 });
    await admin.confirmSession({ body: { password: PASSWORD } });
    expect(await admin.changeSettings({ body })).toMatchObject({ coolingOffDays: 3, updatedBy: EMAIL });
  });

  it.each(["password1234", "alice-example", "alice@example.com", "aaaaaaaaaaaaaaaa", "payouts123456"])(
    "the password %s of alice@example.com is refused, because it is easy to guess",
    async (password) => {
      const admin = await signIn(api);
      expect(await refusal(admin.changePassword({ body: { password } }))).toEqual({ status: 400, code: "bad-input" });
      expect((await trySignIn(api)).statusCode).toBe(200);
    },
  );

  it("a password hashed by an older version still signs in, and is hashed anew then", async () => {
    const { database } = api.flow;
    const old = scryptSync(PASSWORD, Buffer.alloc(16), 32, { N: 1_024, r: 8, p: 1 }).toString("base64url");
    await database.sql`update admins set password_hash = ${`scrypt$1024$8$1$${"A".repeat(22)}$${old}`}`;
    expect((await trySignIn(api, { password: "wrong" })).statusCode).toBe(401);
    expect(await database.sql`select from admins where password_hash like 'scrypt%'`).toHaveLength(1);
    expect((await trySignIn(api)).statusCode).toBe(200);
    expect(await database.sql`select from admins where password_hash like '$argon2id$%'`).toHaveLength(1);
    expect((await trySignIn(api)).statusCode).toBe(200);
  });

  it("changing the password ends all other sessions of the account", async () => {
    const [mine, other] = [await signIn(api), await signIn(api)];
    await mine.changePassword({ body: { password: "another long password" } });
    expect(await refusal(other.readSession())).toEqual({ status: 401, code: "signed-out" });
    await mine.readSession();
    expect((await trySignIn(api)).statusCode).toBe(401);
    expect((await trySignIn(api, { password: "another long password" })).statusCode).toBe(200);
  });
});

describe("second factor", () => {
  async function switchOn() {
    const admin = await signIn(api);
    const { secret, uri } = await admin.proposeSecondFactor();
    expect(uri).toContain(`secret=${secret}`);
    const code = generateSync({ secret, epoch: codeTime() });
    const { recoveryCodes } = await admin.setSecondFactor({ body: { code } });
    return { admin, secret, recoveryCodes };
  }
  const codeTime = () => secondsOf(api.flow.clock());

  it("the second factor is asked for only after the right password", async () => {
    const { secret } = await switchOn();
    expect((await trySignIn(api)).json().code).toBe("second-factor-required");
    expect((await trySignIn(api, { password: "wrong" })).json().code).toBe("wrong-credentials");
    later(60_000);
    expect((await trySignIn(api, { code: "000000" })).json().code).toBe("wrong-credentials");
    const response = await trySignIn(api, { code: generateSync({ secret, epoch: codeTime() }) });
    expect(response.json()).toMatchObject({ email: EMAIL, hasSecondFactor: true });
  });

  it("an authenticator code is accepted once, and no earlier code after it", async () => {
    const { secret } = await switchOn();
    later(60_000);
    const [older = "", code = ""] = [codeTime() - 30, codeTime()].map((epoch) => generateSync({ secret, epoch }));
    expect((await trySignIn(api, { code })).statusCode).toBe(200);
    expect((await trySignIn(api, { code })).statusCode).toBe(401);
    expect((await trySignIn(api, { code: older })).statusCode).toBe(401);
  });

  it("each recovery code is accepted once", async () => {
    const { recoveryCodes } = await switchOn();
    expect(new Set(recoveryCodes).size).toBe(10);
    const [first = "", second = ""] = recoveryCodes;
    expect((await trySignIn(api, { code: first.toUpperCase() })).statusCode).toBe(200);
    expect((await trySignIn(api, { code: first })).statusCode).toBe(401);
    expect((await trySignIn(api, { code: second })).statusCode).toBe(200);
  });

  it("switching on the second factor needs a valid code and ends the other sessions", async () => {
    const other = await signIn(api);
    const admin = await signIn(api);
    const { secret } = await admin.proposeSecondFactor();
    expect(await refusal(admin.setSecondFactor({ body: { code: "000000" } }))).toMatchObject({ status: 400 });
    await admin.setSecondFactor({ body: { code: generateSync({ secret, epoch: codeTime() }) } });
    expect(await refusal(other.readSession())).toMatchObject({ status: 401 });
    expect((await admin.readSession()).hasSecondFactor).toBe(true);
  });

  it("the code that switched the second factor on cannot sign in", async () => {
    const { secret } = await switchOn();
    const code = generateSync({ secret, epoch: codeTime() });
    expect((await trySignIn(api, { code })).statusCode).toBe(401);
    later(30_000);
    expect((await trySignIn(api, { code: generateSync({ secret, epoch: codeTime() }) })).statusCode).toBe(200);
  });

  it("only the secret that the server proposed to the session itself can be switched on, within 15 minutes", async () => {
    const [admin, other] = [await signIn(api), await signIn(api)];
    const chosen = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    const set = (client: SignedIn, secret: string) => {
      const body = { secret, code: generateSync({ secret, epoch: codeTime() }) };
      return refusal(client.setSecondFactor({ body }));
    };
    expect(await set(admin, chosen)).toEqual({ status: 409, code: "conflict" });
    const { secret } = await admin.proposeSecondFactor();
    expect(await set(admin, chosen)).toEqual({ status: 400, code: "bad-input" });
    expect(await set(other, secret)).toEqual({ status: 409, code: "conflict" });
    later(15 * 60_000);
    expect(await set(admin, secret)).toEqual({ status: 409, code: "conflict" });
  });

  it("of two requests that switch on the same secret at once one succeeds", async () => {
    const admin = await signIn(api);
    const { secret } = await admin.proposeSecondFactor();
    const body = { code: generateSync({ secret, epoch: codeTime() }) };
    const answers = await Promise.all([1, 2, 3].map(() => refusal(admin.setSecondFactor({ body }))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
  });

  it("confirming the password needs the second factor, which can then be switched off", async () => {
    const { admin, recoveryCodes } = await switchOn();
    expect(await refusal(admin.confirmSession({ body: { password: PASSWORD } }))).toMatchObject({
      code: "second-factor-required",
    });
    await admin.confirmSession({ body: { password: PASSWORD, code: recoveryCodes[0] } });
    await admin.removeSecondFactor();
    expect((await trySignIn(api)).statusCode).toBe(200);
  });
});

describe("host check", () => {
  it.each([
    ["https://P.example.com", "P.EXAMPLE.com", true],
    ["https://p.example.com", "p.example.com:443", true],
    ["https://p.example.com:8443", "P.example.com:8443", true],
    ["http://p.example.com", "p.example.com:80", true],
    ["https://p.example.com", "p.example.com:80", false],
    ["https://p.example.com", "p.example.com.evil.example.com", false],
    ["https://p.example.com", "LOCALHOST:443", true],
  ])("with PUBLIC_URL %s the host %s is the server's: %s", async (publicUrl, host, isOwn) => {
    await api.close();
    api = await openTestApi({ config: { publicUrl } });
    const response = await api.request({ url: "/sign-in", headers: { host } });
    expect(response.statusCode).toBe(isOwn ? 200 : 421);
  });

  it("a request for a host name that is not the server's is refused", async () => {
    const response = await trySignIn(
      api,
      {},
      { headers: { host: "evil.example.com", origin: "http://evil.example.com" } },
    );
    expect(response.statusCode).toBe(421);
    expect(
      (await trySignIn(api, {}, { headers: { host: "127.0.0.1:3000", origin: "http://127.0.0.1:3000" } })).statusCode,
    ).toBe(200);
  });
});
