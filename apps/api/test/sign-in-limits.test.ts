import { scryptSync } from "node:crypto";
import { BusyError, createWorkQueue, unlockAdmin, type WorkQueue } from "@cpa-payouts/access";
import { eventually } from "@cpa-payouts/testing-servers";
import { generateSync } from "otplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { browserHeaders, clientWith, cookieOf, cookiesOf, NOW, openTestApi, PASSWORD, type TestApi } from "./api.ts";
import { addAdmin, EMAIL, type From, refusal, secondsOf, signIn, trySignIn } from "./sign-ins.ts";

const wrong = { password: "wrong" };

let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
  await addAdmin(api, EMAIL);
});

afterEach(async () => {
  await api.close();
});

const later = (ms: number) => api.flow.clock.set(new Date(new Date(NOW).getTime() + ms).toISOString());
const from = (remoteAddress: string): From => ({ remoteAddress });

async function statuses(count: number, credentials: object = {}, origin: From = {}) {
  const tries = [];
  for (let index = 0; index < count; index++) tries.push((await trySignIn(api, credentials, origin)).statusCode);
  return tries;
}

/** What a hundred guesses from many addresses leave behind; making them takes a minute on a slow machine. */
async function useUpTries(email = EMAIL) {
  const { database } = api.flow;
  await statuses(1, { ...wrong, email }, from("198.51.100.1"));
  await database.sql`update throttles set tries = 100 where key like 'account %' and account = ${email}`;
}

/** Signs in and returns the cookie by which the browser is known. */
async function knownBrowser(email = EMAIL, headers: Record<string, string> = {}): Promise<From> {
  const response = await trySignIn(api, { email }, { headers });
  expect(response.statusCode).toBe(200);
  return { headers: { cookie: cookiesOf(response)[1] ?? "" }, remoteAddress: "203.0.113.50" };
}

async function switchOnSecondFactor() {
  const admin = await signIn(api);
  const { secret } = await admin.proposeSecondFactor();
  const { recoveryCodes } = await admin.setSecondFactor({ body: { code: codeOf(secret) } });
  later(60_000);
  return { admin, secret, recoveryCodes };
}
const codeOf = (secret: string) => generateSync({ secret, epoch: secondsOf(api.flow.clock()) });
const wrongCodeOf = (secret: string) => (codeOf(secret) === "000000" ? "111111" : "000000");

describe("sign-in limits", () => {
  it("after five wrong passwords from one address even the right password has to wait a minute", async () => {
    expect(await statuses(6, wrong)).toEqual([401, 401, 401, 401, 401, 429]);
    const refused = await trySignIn(api);
    expect(refused.json()).toMatchObject({ code: "too-many-requests", detail: "too many tries; wait 60 seconds" });
    later(61_000);
    expect((await trySignIn(api)).statusCode).toBe(200);
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
          await trySignIn(api, wrong, {
            headers: { "x-forwarded-for": `203.0.113.${index}`, forwarded: `for=203.0.113.${index}` },
          })
        ).statusCode,
      );
    expect(tries).toEqual([401, 401, 401, 401, 401, 429, 429]);
  });

  it("tries to sign in are counted by the address that a trusted proxy reports", async () => {
    await api.close();
    api = await openTestApi({ config: { trustedProxies: ["10.0.0.0/8"] } });
    await addAdmin(api, EMAIL);
    const via = (client: string, proxy: string) => ({ headers: { "x-forwarded-for": client }, remoteAddress: proxy });
    expect(await statuses(6, wrong, via("203.0.113.7", "10.0.0.1"))).toEqual([401, 401, 401, 401, 401, 429]);
    expect(await statuses(1, wrong, via("203.0.113.8", "10.0.0.1"))).toEqual([401]);
    // An address that the client itself put in front does not count: the proxy appends the address that it sees.
    expect(await statuses(1, wrong, via("198.51.100.1, 203.0.113.7", "10.0.0.1"))).toEqual([429]);
    // The header of a proxy that is not trusted is ignored.
    expect(await statuses(6, wrong, via("203.0.113.9", "192.0.2.1"))).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it("an address that a proxy reports with a port is the same client with every port", async () => {
    await api.close();
    api = await openTestApi({ config: { trustedProxies: ["10.0.0.0/8"] } });
    await addAdmin(api, EMAIL);
    const via = (client: string) => ({ headers: { "x-forwarded-for": client }, remoteAddress: "10.0.0.1" });
    const tries = [];
    for (let port = 1; port <= 3; port++) tries.push(...(await statuses(1, wrong, via(`203.0.113.7:${port}`))));
    tries.push(...(await statuses(2, wrong, via("203.0.113.7"))));
    expect(tries).toEqual([401, 401, 401, 401, 401]);
    expect(await statuses(1, wrong, via("203.0.113.7:4"))).toEqual([429]);
    expect(await statuses(1, wrong, via("203.0.113.7:4, 10.0.0.2:55"))).toEqual([429]);
    for (let port = 1; port <= 5; port++) await statuses(1, wrong, via(`[2001:db8::7]:${port}`));
    expect(await statuses(1, wrong, via("[2001:db8::7]"))).toEqual([429]);
    expect(await statuses(1, wrong, via("2001:db8::8"))).toEqual([429]);
    expect(await statuses(1, wrong, via("2001:db8:0:1::8"))).toEqual([401]);
  });

  it("tries to sign in from one address to many accounts are limited", async () => {
    const tries = [];
    for (let index = 0; index < 22; index++)
      tries.push((await trySignIn(api, { ...wrong, email: `user${index}@example.com` })).statusCode);
    expect(tries.filter((status) => status === 429)).toHaveLength(2);
  });

  it("concurrent tries to sign in are all counted", async () => {
    const tries = await Promise.all(Array.from({ length: 12 }, () => trySignIn(api, wrong)));
    expect(tries.filter(({ statusCode }) => statusCode === 401)).toHaveLength(5);
  });
});

describe("limits of an account that guessers have used up", () => {
  it("an unknown browser is refused with the right password, and the answer says how long to wait", async () => {
    for (let index = 0; index < 20; index++) await statuses(5, wrong, from(`198.51.100.${index}`));
    const refused = await trySignIn(api);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers["retry-after"]).toBe("3600");
    expect(refused.json().detail).toBe(
      "too many tries; wait 3600 seconds, or give a code of your second factor as well",
    );
  });

  it("a browser in which the administrator has signed in before is let in", async () => {
    const browser = await knownBrowser();
    await useUpTries();
    expect(await statuses(1)).toEqual([429]);
    expect(await statuses(1, {}, browser)).toEqual([200]);
  });

  it("a signed-in administrator can confirm their password", async () => {
    const admin = await signIn(api);
    await useUpTries();
    expect(await refusal(admin.confirmSession({ body: { password: PASSWORD } }))).toMatchObject({ status: 200 });
  });

  it("the answer to an e-mail without an account is the same as to one with an account", async () => {
    await useUpTries();
    await useUpTries("unknown@example.com");
    for (const code of [undefined, "123456", "abcde-fghjk-mnpqr-stuvw"]) {
      const answers = [];
      for (const email of [EMAIL, "unknown@example.com"]) {
        const response = await trySignIn(api, { email, ...(code ? { code } : {}) }, from("203.0.113.9"));
        const { instance: _instance, ...problem } = response.json();
        answers.push({ status: response.statusCode, problem });
      }
      expect(answers[0]).toEqual(answers[1]);
      expect(answers[0]?.status).toBe(429);
    }
  });

  it("a fresh code of the second factor lets an unknown browser in, once", async () => {
    const { secret } = await switchOnSecondFactor();
    await useUpTries();
    const code = codeOf(secret);
    expect(await statuses(1, { code }, from("203.0.113.1"))).toEqual([200]);
    expect(await statuses(1, { code }, from("203.0.113.2"))).toEqual([429]);
  });

  it("a code that was given with a wrong password is used up, so it admits no second password", async () => {
    const { secret } = await switchOnSecondFactor();
    await useUpTries();
    const code = codeOf(secret);
    expect(await statuses(1, { ...wrong, code }, from("203.0.113.1"))).toEqual([401]);
    expect(await statuses(1, { code }, from("203.0.113.1"))).toEqual([429]);
  });

  it("three codes an hour from one network and twenty in all can be tried, and a recovery code always", async () => {
    const { secret, recoveryCodes } = await switchOnSecondFactor();
    await useUpTries();
    const guess = (index: number) => statuses(1, { code: wrongCodeOf(secret) }, from(`203.0.113.${index}`));
    for (let index = 0; index < 3; index++) await guess(0);
    expect(await statuses(1, { code: codeOf(secret) }, from("203.0.113.0"))).toEqual([429]);
    for (let index = 3; index < 20; index++) await guess(index);
    expect(await statuses(1, { code: codeOf(secret) }, from("203.0.113.99"))).toEqual([429]);
    expect(await statuses(1, { code: recoveryCodes[0] }, from("203.0.113.99"))).toEqual([200]);
  });

  it("payouts admin unlock lets every browser try again, and is in the audit log", async () => {
    await useUpTries();
    expect(await statuses(1)).toEqual([429]);
    const { ctx, database } = api.flow;
    expect(await unlockAdmin(ctx, { email: "ALICE@example.com", actor: "cli:root" })).toMatchObject({
      status: "unlocked",
    });
    expect(await statuses(1)).toEqual([200]);
    expect(await database.sql`select actor, object from audit_log where action = 'admin.unlock'`).toEqual([
      { actor: "cli:root", object: `admin:${EMAIL}` },
    ]);
    expect(await unlockAdmin(ctx, { email: "unknown@example.com", actor: "cli:root" })).toEqual({
      status: "unknown-admin",
    });
  });
});

describe("known browsers", () => {
  it("ten wrong passwords an hour from a known browser make it an unknown one for that hour", async () => {
    const browser = await knownBrowser();
    await useUpTries();
    expect(await statuses(11, wrong, browser)).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    expect(await statuses(1, {}, browser)).toEqual([429]);
  });

  it("wrong passwords from a known browser use up no tries of others", async () => {
    const browser = await knownBrowser();
    expect(await statuses(10, wrong, browser)).not.toContain(429);
    expect(await statuses(5, wrong, from("203.0.113.50"))).not.toContain(429);
  });

  it("a browser is known for its own administrators only, and for each of them", async () => {
    await addAdmin(api, "bob@example.com");
    const alices = await knownBrowser();
    await useUpTries("bob@example.com");
    expect(await statuses(1, { email: "bob@example.com" }, alices)).toEqual([429]);
    await unlockAdmin(api.flow.ctx, { email: "bob@example.com", actor: "test" });
    const both = await knownBrowser("bob@example.com", alices.headers ?? {});
    await useUpTries();
    expect(await statuses(1, {}, both)).toEqual([200]);
  });

  it("a cookie of a browser that was replaced by a sign-in, or is older than 180 days, is worth nothing", async () => {
    const planted = await knownBrowser();
    const browser = await knownBrowser(EMAIL, planted.headers);
    await useUpTries();
    expect(await statuses(1, {}, planted)).toEqual([429]);
    later(180 * 86_400_000);
    await useUpTries();
    expect(await statuses(1, {}, browser)).toEqual([429]);
  });

  it("a changed password makes all browsers unknown except the one in which it was changed", async () => {
    const other = await knownBrowser();
    const response = await trySignIn(api);
    const mine = { headers: { cookie: cookiesOf(response)[1] ?? "" }, remoteAddress: "203.0.113.60" };
    const admin = clientWith(api.request, { ...browserHeaders, cookie: cookieOf(response) });
    const password = "another long password";
    await admin.changePassword({ body: { password } });
    await useUpTries();
    expect(await statuses(1, { password }, other)).toEqual([429]);
    expect(await statuses(1, { password }, mine)).toEqual([200]);
  });

  it("an administrator is known in their latest twenty browsers, and the database holds none of the tokens", async () => {
    const cookies = [];
    for (let index = 0; index < 21; index++) {
      cookies.push((await knownBrowser()).headers?.cookie ?? "");
      later((index + 1) * 60_000);
    }
    const rows = await api.flow.database.sql`select to_jsonb(d)::text as row from admin_devices d`;
    expect(rows).toHaveLength(20);
    for (const cookie of cookies) for (const { row } of rows) expect(row).not.toContain(cookie.split("=")[1]);
  });
});

describe("limits of confirmations", () => {
  it("ten wrong passwords in a session stop its confirmations for fifteen minutes, and no sign-in", async () => {
    const admin = await signIn(api);
    const confirm = (password: string) => refusal(admin.confirmSession({ body: { password } }));
    for (let index = 0; index < 10; index++) expect(await confirm("wrong")).toMatchObject({ status: 401 });
    expect(await confirm(PASSWORD)).toMatchObject({ status: 429 });
    expect(await statuses(1)).toEqual([200]);
    later(15 * 60_000);
    expect(await confirm(PASSWORD)).toMatchObject({ status: 200 });
  });
});

describe("right passwords without a right code", () => {
  const noted = () => api.flow.database.sql`
    select account, tries from throttles where key like 'refused-code %' order by key`;

  it("the first step of a sign-in leaves nothing behind when the code follows from the same network", async () => {
    const { secret } = await switchOnSecondFactor();
    expect(await statuses(1, {}, from("203.0.113.1"))).toEqual([401]);
    expect(await statuses(1, { code: wrongCodeOf(secret) }, from("203.0.113.1"))).toEqual([401]);
    expect(await noted()).toEqual([{ account: EMAIL, tries: 2 }]);
    expect(await statuses(1, { code: codeOf(secret) }, from("203.0.113.1"))).toEqual([200]);
    expect(await noted()).toEqual([]);
  });

  it("those from another network stay, wrong passwords are not among them", async () => {
    const { admin, secret } = await switchOnSecondFactor();
    expect(await refusal(admin.confirmSession({ body: { password: PASSWORD } }))).toMatchObject({ status: 401 });
    for (const credentials of [{}, { code: wrongCodeOf(secret) }, wrong])
      expect(await statuses(1, credentials, from("203.0.113.1"))).toEqual([401]);
    expect(await statuses(1, { code: codeOf(secret) })).toEqual([200]);
    expect(await noted()).toEqual([{ account: EMAIL, tries: 2 }]);
  });
});

describe("limits of choosing a password", () => {
  const choose = (admin: Awaited<ReturnType<typeof signIn>>, password: string) =>
    refusal(admin.changePassword({ body: { password } }));

  it("twenty passwords that were chosen or refused in fifteen minutes are enough, and colleagues are not affected", async () => {
    const admin = await signIn(api);
    for (let index = 0; index < 20; index++)
      expect(await choose(admin, "password1234")).toMatchObject({ code: "bad-input" });
    expect(await choose(admin, "tulips under nine heavy bridges")).toEqual({ status: 429, code: "too-many-requests" });
    expect(await statuses(1)).toEqual([200]);
    await addAdmin(api, "bob@example.com");
    const colleague = await signIn(api, { email: "bob@example.com" });
    expect(await choose(colleague, "tulips under nine heavy bridges")).toMatchObject({ status: 200 });
    later(14 * 60_000);
    expect(await choose(admin, "tulips under nine heavy bridges")).toMatchObject({ status: 429 });
    await unlockAdmin(api.flow.ctx, { email: EMAIL, actor: "test" });
    expect(await choose(admin, "tulips under nine heavy bridges")).toMatchObject({ status: 200 });
  });

  it("many passwords that one person chooses at once do not keep a colleague from confirming", async () => {
    await api.close();
    const ends: (() => void)[] = [];
    const queue = createWorkQueue({ concurrency: 2, maxWaiting: 50, maxWaitMs: 60_000 });
    let isHeld = false;
    let arrived = 0;
    const hold = () => (isHeld ? new Promise<void>((resolve) => ends.push(resolve)) : Promise.resolve());
    const hashing: WorkQueue = {
      run: (work, urgency, person) => {
        if (isHeld) arrived += 1;
        return queue.run(
          async () => {
            if (person === EMAIL) await hold();
            return work();
          },
          urgency,
          person,
        );
      },
    };
    api = await openTestApi({ hashing });
    await addAdmin(api, EMAIL);
    await addAdmin(api, "bob@example.com");
    const admin = await signIn(api);
    const colleague = await signIn(api, { email: "bob@example.com" });
    isHeld = true;
    const chosen = Array.from({ length: 51 }, () => choose(admin, "tulips under nine heavy bridges"));
    await eventually(async () => arrived === 20 && ends.length === 1);
    expect(await refusal(colleague.confirmSession({ body: { password: PASSWORD } }))).toMatchObject({ status: 200 });
    isHeld = false;
    for (const end of ends) end();
    const answers = (await Promise.all(chosen)).map(({ status }) => status);
    // Six had a turn. The first one to end changed the password that the others were to replace.
    expect(answers.filter((status) => status === 200)).toHaveLength(1);
    expect(answers.filter((status) => status === 409)).toHaveLength(5);
    expect(new Set(answers)).toEqual(new Set([200, 409, 503, 429]));
  });
});

describe("limits of addresses", () => {
  it("all addresses of a /64 of IPv6 are one client", async () => {
    const tries = [];
    for (let index = 1; index <= 6; index++) tries.push(...(await statuses(1, wrong, from(`2001:db8:1:2::${index}`))));
    expect(tries).toEqual([401, 401, 401, 401, 401, 429]);
    expect(await statuses(1, wrong, from("2001:db8:1:3::1"))).toEqual([401]);
  });

  it("sixty tries a minute are admitted from all networks of a /48 of IPv6 together", async () => {
    const tries = [];
    for (let index = 0; index < 62; index++)
      tries.push(
        ...(await statuses(1, { ...wrong, email: `user${index}@example.com` }, from(`2001:db8:1:${index}::1`))),
      );
    expect(tries.filter((status) => status === 429)).toHaveLength(2);
    expect(await statuses(1, wrong, from("2001:db8:2::1"))).toEqual([401]);
  });

  it("an IPv4 address that is written as an IPv6 one is the same client", async () => {
    expect(await statuses(3, wrong, from("203.0.113.7"))).toEqual([401, 401, 401]);
    expect(await statuses(3, wrong, from("::ffff:203.0.113.7"))).toEqual([401, 401, 429]);
  });

  it("all addresses of a /64 of IPv6 share one limit of requests", async () => {
    await api.close();
    api = await openTestApi({ config: { rateLimit: 5 } });
    const answers = [];
    for (let index = 0; index < 6; index++)
      answers.push((await api.request({ url: "/sign-in", remoteAddress: `2001:db8:1:2::${index}` })).statusCode);
    expect(answers).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it("all networks of a /48 of IPv6 together make three times as many requests as one", async () => {
    await api.close();
    api = await openTestApi({ config: { rateLimit: 5 } });
    const request = async (remoteAddress: string) => (await api.request({ url: "/sign-in", remoteAddress })).statusCode;
    const answers = [];
    for (let index = 0; index < 16; index++) answers.push(await request(`2001:db8:1:${index}::1`));
    expect(answers).toEqual([...Array.from({ length: 15 }, () => 200), 429]);
    expect(await request("2001:db8:2::1")).toBe(200);
    for (let index = 0; index < 20; index++) expect(await request(`203.0.113.${index}`)).toBe(200);
  });

  it.each([
    ["NUL", "a\u0000@example.com"],
    ["half of a surrogate pair", "a\ud800@example.com"],
  ])("an e-mail with %s is refused as bad input before anything is counted", async (_what, email) => {
    const response = await trySignIn(api, { email });
    expect([response.statusCode, response.json().code]).toEqual([400, "bad-input"]);
    expect(response.json().problems).toEqual([expect.stringMatching(/^body\.email: it has a null character/)]);
    expect(await api.flow.database.sql`select from throttles`).toHaveLength(0);
  });

  it("refused tries write nothing, whatever e-mails and codes they name", async () => {
    const guess = (index: number) => ({ ...wrong, email: `user${index}@example.com`, code: "000000" });
    for (let index = 0; index < 20; index++) await statuses(1, guess(index));
    const written = () => api.flow.database.sql`select to_jsonb(t)::text as row from throttles t order by key`;
    const before = await written();
    for (let index = 20; index < 120; index++) expect(await statuses(1, guess(index))).toEqual([429]);
    expect(await written()).toEqual(before);
  });
});

/** A queue that refuses everything while `isFull`. */
function fillableQueue() {
  const queue = {
    isFull: true,
    run: <T>(work: () => Promise<T>): Promise<T> => (queue.isFull ? Promise.reject(new BusyError(5)) : work()),
  };
  return queue;
}

describe("passwords waiting to be checked", () => {
  it("tries whose turn did not come are not counted: the right password is accepted afterwards, from anywhere", async () => {
    await api.close();
    const hashing = fillableQueue();
    hashing.isFull = false;
    api = await openTestApi({ hashing });
    await addAdmin(api, EMAIL);
    const browser = await knownBrowser();
    const admin = await signIn(api);
    const confirm = () => refusal(admin.confirmSession({ body: { password: PASSWORD } }));
    hashing.isFull = true;
    for (let index = 0; index < 12; index++) {
      expect(await statuses(1, {}, browser)).toEqual([503]);
      expect(await confirm()).toMatchObject({ status: 503 });
      expect(await statuses(1, {}, from("203.0.113.77"))).toEqual([503]);
    }
    hashing.isFull = false;
    expect(await statuses(1, {}, browser)).toEqual([200]);
    expect(await confirm()).toMatchObject({ status: 200 });
    expect(await statuses(1, {}, from("203.0.113.77"))).toEqual([200]);
  });

  it("a flood of tries whose turn does not come is still limited by its address", async () => {
    await api.close();
    api = await openTestApi({ hashing: fillableQueue() });
    const tries = await statuses(22);
    expect(tries.filter((status) => status === 429)).toHaveLength(2);
  });

  it("a code that was given with a password that was not looked at can be used again", async () => {
    await api.close();
    const hashing = fillableQueue();
    hashing.isFull = false;
    api = await openTestApi({ hashing });
    await addAdmin(api, EMAIL);
    const { secret, recoveryCodes } = await switchOnSecondFactor();
    for (const code of [recoveryCodes[0] ?? "", codeOf(secret)]) {
      await useUpTries();
      hashing.isFull = true;
      for (let index = 0; index < 5; index++) expect(await statuses(1, { code }, from("203.0.113.1"))).toEqual([503]);
      hashing.isFull = false;
      expect(await statuses(1, { code }, from("203.0.113.1"))).toEqual([200]);
      expect(await statuses(1, { code }, from("203.0.113.1"))).toEqual([429]);
    }
  });

  it("one code that is given with many passwords at the same moment admits one of them", async () => {
    const { recoveryCodes } = await switchOnSecondFactor();
    await useUpTries();
    const [code = ""] = recoveryCodes;
    const tries = await Promise.all(
      Array.from({ length: 8 }, (_, index) => trySignIn(api, { ...wrong, code }, from(`203.0.113.${index}`))),
    );
    const codes = tries.map(({ statusCode }) => statusCode).sort((a, b) => a - b);
    expect(codes).toEqual([401, ...Array.from({ length: 7 }, () => 429)]);
  });

  it("a sign-in whose turn does not come is answered with 503 and the time to wait, and is not logged as an error", async () => {
    await api.close();
    const full = { run: () => Promise.reject(new BusyError(5)) };
    api = await openTestApi({ hashing: full });
    const response = await trySignIn(api);
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([503, "5"]);
    expect(response.json()).toMatchObject({
      code: "busy",
      detail: "too many people sign in at this moment; try again in 5 seconds",
    });
    expect(api.flow.log.of("request.failed")).toEqual([]);
  });

  it("a right password signs in even if there is no time to replace the hash of an older version", async () => {
    await api.close();
    let runs = 0;
    const busyAfterOne = {
      run: <T>(work: () => Promise<T>) => (++runs > 1 ? Promise.reject(new BusyError(5)) : work()),
    };
    api = await openTestApi({ hashing: busyAfterOne });
    await addAdmin(api, EMAIL);
    const old = scryptSync(PASSWORD, Buffer.alloc(16), 32, { N: 1_024, r: 8, p: 1 }).toString("base64url");
    await api.flow.database.sql`update admins set password_hash = ${`scrypt$1024$8$1$${"A".repeat(22)}$${old}`}`;
    expect(await statuses(1)).toEqual([200]);
    expect(runs).toBe(2);
  });

  it("passwords from known browsers and of signed-in administrators go before those of unknown browsers", async () => {
    await api.close();
    const urgencies: string[] = [];
    api = await openTestApi({
      hashing: {
        run: (work, urgency) => {
          urgencies.push(urgency);
          return work();
        },
      },
    });
    await addAdmin(api, EMAIL);
    const browser = await knownBrowser();
    await statuses(1, {}, browser);
    const admin = await signIn(api);
    await admin.confirmSession({ body: { password: PASSWORD } });
    expect(urgencies).toEqual(["unknown", "known", "unknown", "known"]);
  });
});
