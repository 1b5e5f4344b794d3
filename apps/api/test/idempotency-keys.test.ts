import { findViolations } from "@cpa-payouts/db";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientWith, openTestApi, refusal, type SignedIn, type TestApi } from "./api.ts";

let api: TestApi;
let admin: SignedIn;

beforeEach(async () => {
  api = await openTestApi({
    users: [
      { externalId: "ann", balance: "0.00" },
      { externalId: "ben", balance: "0.00" },
    ],
  });
  admin = await api.as("admin");
});

afterEach(async () => {
  expect(await findViolations(api.flow.ctx.db, () => {})).toEqual([]);
  await api.close();
});

type TokenBody = Parameters<SignedIn["createToken"]>[0]["body"];

/** The body of a request for a token that may write credits, by name. */
const tokenBody = (name: string, more: Partial<TokenBody> = {}): TokenBody => ({
  name,
  scopes: ["credits:write"],
  ...more,
});

async function program(name: string, more: Partial<TokenBody> = {}): Promise<SignedIn> {
  const { token } = await admin.createToken({ body: tokenBody(name, more) });
  return clientWith(api.request, { authorization: `Bearer ${token}` });
}

type CreditBody = Parameters<SignedIn["createCredit"]>[0]["body"];
const sent: CreditBody = { externalId: "ann", amount: "10.00", note: "lead 77" };

const credit = (caller: SignedIn, more: Partial<CreditBody> = {}) =>
  caller.createCredit({ headers: { "idempotency-key": "c-77" }, body: { ...sent, ...more } });

const balance = async (externalId: string) => (await admin.readUser({ params: { externalId } })).balance;

describe("idempotency keys of callers", () => {
  it("a caller neither sees the entry of another by its key nor is hindered by it", async () => {
    const [erp, tracker] = [await program("erp"), await program("tracker")];
    const first = await credit(erp);
    const second = await credit(tracker, { externalId: "ben", amount: "3.00", note: "their own" });
    const third = await credit(admin, { amount: "5.00" });
    expect(new Set([first.id, second.id, third.id]).size).toBe(3);
    expect(second).toMatchObject({ externalId: "ben", amount: "3.00", note: "their own", actor: "token:tracker" });
    expect(await credit(erp)).toEqual(first);
    expect(await credit(admin, { amount: "5.00" })).toEqual(third);
    expect(await refusal(credit(tracker))).toMatchObject({ status: 409, current: second });
    expect([await balance("ann"), await balance("ben")]).toEqual(["15.00", "3.00"]);
  });

  it("an adjustment has its key from its caller, too", async () => {
    const scopes: TokenBody["scopes"] = ["adjustments:write"];
    const adjust = (caller: SignedIn) =>
      caller.createAdjustment({
        headers: { "idempotency-key": "a-1" },
        body: { externalId: "ann", amount: "-2.00", reason: "charged back" },
      });
    const [erp, tracker] = [await program("erp", { scopes }), await program("tracker", { scopes })];
    const first = await adjust(erp);
    expect(await adjust(await program("erp 2", { scopes, replaces: "erp" }))).toEqual(first);
    expect((await adjust(tracker)).id).not.toBe(first.id);
    expect(await balance("ann")).toBe("-4.00");
  });

  it("a key that another caller used in an older version is a conflict that shows nothing of the entry", async () => {
    const [erp, tracker] = [await program("erp"), await program("tracker")];
    const { sql } = api.flow.database;
    await sql`alter table ledger_entries drop constraint ledger_entries_key_has_owner`;
    await sql`alter table ledger_entries disable trigger user`;
    const first = await credit(erp);
    await sql`update ledger_entries set key_owner = null`;
    expect(await credit(erp)).toEqual(first);
    expect(await credit(await program("erp 2", { replaces: "erp" }))).toEqual(first);
    const { headers } = tracker;
    const response = await api.request({
      method: "POST",
      url: "/api/v1/credits",
      headers: { ...headers, "idempotency-key": "c-77" },
      payload: sent,
    });
    expect(response.statusCode).toBe(409);
    expect(response.json()).toEqual({
      type: "urn:cpa-payouts:problem:conflict",
      title: expect.any(String),
      status: 409,
      code: "conflict",
      detail: "another caller used this Idempotency-Key in an older version; nothing was done, use another key",
      instance: expect.any(String),
    });
    expect(await refusal(credit(admin))).toMatchObject({ status: 409 });
    expect(await balance("ann")).toBe("10.00");
  });
});

describe("a token that replaces another one", () => {
  it("a conversion that is sent again through it is not credited twice, while the old one is valid and after", async () => {
    const old = await program("erp");
    const first = await credit(old);
    const next = await program("erp 2", { replaces: "erp" });
    expect(await credit(next)).toEqual(first);
    expect(await refusal(credit(next, { amount: "11.00" }))).toMatchObject({ status: 409, current: first });
    const during = await next.createCredit({ headers: { "idempotency-key": "c-78" }, body: sent });
    expect(await old.createCredit({ headers: { "idempotency-key": "c-78" }, body: sent })).toEqual(during);
    await admin.revokeToken({ params: { name: "erp" } });
    expect(await credit(next)).toEqual(first);
    const last = await program("erp 3", { replaces: "erp 2" });
    expect(await credit(last)).toEqual(first);
    expect(await credit(await program("late", { replaces: "erp" }))).toEqual(first);
    expect(await balance("ann")).toBe("20.00");
  });

  it("one conversion at the same moment through both is one credit", async () => {
    const old = await program("erp");
    const next = await program("erp 2", { replaces: "erp" });
    const holder = await holdTransaction(
      api.flow.database,
      (held) => held`select from users where external_id = 'ann' for update`,
    );
    const both = Promise.all([credit(old), credit(next)]);
    await untilBlocked(api.flow.database, 2);
    await holder.rollback();
    const [one, other] = await both;
    expect(one).toEqual(other);
    expect(await balance("ann")).toBe("10.00");
  });

  it("a misspelt name of the field is refused, since the new token would credit again", async () => {
    await program("erp");
    expect(await refusal(program("erp 2", { replace: "erp" } as Partial<TokenBody>))).toMatchObject({ status: 400 });
  });

  it("the list and the audit log name the token that was replaced", async () => {
    await program("erp");
    await program("erp 2", { replaces: "erp" });
    const { items } = await admin.listTokens();
    expect(items.map(({ name, replaces }) => [name, replaces])).toEqual([
      ["erp", null],
      ["erp 2", "erp"],
    ]);
    const audit = await admin.listAuditLog({ query: { action: "token.create" } });
    expect(audit.items.map(({ object, after }) => [object, after])).toEqual([
      ["token:erp 2", expect.objectContaining({ replaces: "erp" })],
      ["token:erp", expect.not.objectContaining({ replaces: expect.anything() })],
    ]);
  });

  it("it may not have a ledger scope that the other one lacks, and the other one must exist", async () => {
    await program("reader", { scopes: ["runs:read"] });
    const create = (name: string, more: Partial<TokenBody>) =>
      refusal(admin.createToken({ body: tokenBody(name, more) }));
    expect(await create("x", { replaces: "nobody" })).toMatchObject({ status: 404, code: "not-found" });
    expect(await create("x", { replaces: "x" })).toMatchObject({ status: 404 });
    expect(await create("x", { replaces: "reader" })).toMatchObject({ status: 403, code: "forbidden" });
    await program("erp");
    const more: TokenBody["scopes"] = ["credits:write", "adjustments:write"];
    expect(await create("x", { replaces: "erp", scopes: more })).toMatchObject({ status: 403 });
    expect(await create("reader", { replaces: "erp" })).toMatchObject({ status: 409 });
    expect((await admin.listTokens()).items.map(({ name }) => name)).toEqual(["reader", "erp"]);
    await program("x", { replaces: "erp", scopes: ["credits:write", "runs:read"] });
    await program("y", { replaces: "erp", scopes: ["runs:read"] });
    // Without the scope in between, keys are not passed on.
    expect(await create("z", { replaces: "y" })).toMatchObject({ status: 403 });
  });

  it("a token, an operator and an administrator without a fresh session cannot create it", async () => {
    const erp = await program("erp");
    const callers = [erp, await api.as("operator"), await api.as("admin", { confirmedMs: 16 * 60_000 })];
    for (const caller of callers)
      expect(await refusal(caller.createToken({ body: tokenBody("x", { replaces: "erp" }) }))).toMatchObject({
        status: 403,
      });
  });
});
