import { findAdmin } from "@cpa-payouts/db";
import { invoicedRun } from "@cpa-payouts/db/testing";
import { latch } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { browserHeaders, clientWith, cookieOf, held, made, openTestApi, type SignedIn, type TestApi } from "./api.ts";
import { addAdmin, refusal, trySignIn } from "./sign-ins.ts";

const [ALICE, BOB, CAROL] = ["alice@example.com", "bob@example.com", "carol@example.com"] as const;
const CHOSEN = "another long password";

let api: TestApi;
let alice: SignedIn;
let bob: SignedIn;
/** Runs the work with the next password; afterwards it is run as usual. */
let aroundNext: (<T>(work: () => Promise<T>) => Promise<T>) | null;

beforeEach(async () => {
  aroundNext = null;
  const users = [{ externalId: "ann", balance: "9000.00" }];
  const run = <T>(work: () => Promise<T>) => {
    const around = aroundNext;
    aroundNext = null;
    return around ? around(work) : work();
  };
  api = await openTestApi({ users, hashing: { run } });
  alice = await api.as("admin", { email: ALICE });
  bob = await api.as("admin", { email: BOB });
  await made(alice.changeSettings({ body: { twoPersonAbove: "500.00" } }));
});

afterEach(() => api.close());

const signIn = (password?: string) => trySignIn(api, { email: CAROL, ...(password ? { password } : {}) });
const clientOf = (response: Awaited<ReturnType<typeof signIn>>) =>
  clientWith(api.request, { ...browserHeaders, cookie: cookieOf(response) });

/** Alice confirms a change that Bob requested. Returns the password that it issued, which Alice sees. */
async function confirmed(request: Promise<unknown>): Promise<string> {
  const { id } = await held(request);
  return (await alice.confirmChange({ params: { id } })).password ?? "";
}

const resetPassword = () => confirmed(bob.resetAdminPassword({ params: { email: CAROL } }));
const createCarol = () => confirmed(bob.createAdmin({ body: { email: CAROL, role: "operator" } }));

/** Makes a change while the work with a password that `request` needs has been done or is about to be. */
async function meanwhile<T, R>(when: "before" | "after", request: () => Promise<T>, change: () => Promise<R>) {
  const [reached, go] = [latch(), latch()];
  aroundNext = async (work) => {
    if (when === "before") {
      reached.open();
      await go.opened;
      return work();
    }
    const result = await work();
    reached.open();
    await go.opened;
    return result;
  };
  const answer = request();
  await reached.opened;
  const changed = await change();
  go.open();
  return { answer: await answer, changed };
}

describe("sign-ins whose password is being checked", () => {
  beforeEach(() => addAdmin(api, CAROL));

  it("a sign-in fails when the password is reset meanwhile, and the issued one is the only way in", async () => {
    const { answer, changed: issued } = await meanwhile("after", () => signIn(), resetPassword);
    expect([answer.statusCode, answer.json().code]).toEqual([401, "wrong-credentials"]);
    expect((await signIn(issued)).json()).toMatchObject({ mustChangePassword: true });
  });

  it.each<[what: string, change: () => Promise<unknown>]>([
    [
      "the account is disabled and enabled again",
      async () => {
        const params = { email: CAROL };
        await made(alice.changeAdmin({ params, body: { isDisabled: true } }));
        await confirmed(bob.changeAdmin({ params, body: { isDisabled: false } }));
      },
    ],
    ["the second factor is removed", () => confirmed(bob.removeAdminSecondFactor({ params: { email: CAROL } }))],
  ])("a sign-in fails when %s meanwhile", async (_what, change) => {
    const { answer } = await meanwhile("after", () => signIn(), change);
    expect([answer.statusCode, answer.json().code]).toEqual([401, "wrong-credentials"]);
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect((await signIn()).statusCode).toBe(200);
  });
});

describe("passwords that are being chosen", () => {
  it("a chosen password is refused when another person's reset ends the session meanwhile", async () => {
    await addAdmin(api, CAROL);
    const carol = clientOf(await signIn());
    const choose = () => refusal(carol.changePassword({ body: { password: CHOSEN } }));
    const { answer, changed: issued } = await meanwhile("before", choose, resetPassword);
    expect(answer).toEqual({ status: 409, code: "conflict" });
    expect((await signIn(CHOSEN)).statusCode).toBe(401);
    expect((await signIn(issued)).statusCode).toBe(200);
    expect(await findAdmin(api.flow.ctx.db, CAROL)).toMatchObject({ mustChangePassword: true });
  });
});

describe("invoices above the amount of the two-person rule", () => {
  const selection = { filter: { status: "pending" } } as const;
  const forfeit = { status: "rejected", reason: "fraud", disposition: "forfeit" } as const;
  type Verdict = { readonly status: "paid" } | typeof forfeit;

  async function review(client: SignedIn, verdict: Verdict) {
    const { token } = await client.previewReview({ body: { selection, verdict } });
    const { counts } = await client.reviewInvoices({ body: { selection, verdict, token } });
    return counts.map(({ result, invoices }) => [result, invoices]);
  }

  beforeEach(async () => {
    await invoicedRun({ ctx: api.flow.ctx, database: api.flow.database }, "2026-12-07");
  });

  it.each([
    ["created", "paid", { status: "paid" } as const],
    ["created", "forfeited", forfeit],
    ["given another password", "paid", { status: "paid" } as const],
  ])("one person who has a colleague's account %s does not get them %s with it", async (how, _verdict, verdict) => {
    if (how !== "created") await addAdmin(api, CAROL);
    const password = how === "created" ? await createCarol() : await resetPassword();
    const carol = clientOf(await signIn(password));
    await carol.changePassword({ body: { password: CHOSEN } });
    expect(await review(alice, verdict)).toEqual([["approved", 1]]);
    expect(await review(carol, verdict)).toEqual([["new-power", 1]]);
    expect(await review(bob, verdict)).toEqual([["reviewed", 1]]);
  });
});
