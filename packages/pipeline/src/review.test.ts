import { InputError } from "@cpa-payouts/core";
import { fingerprint, invoicedRun, openTestData, type TestData } from "@cpa-payouts/db/testing";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cancelRun } from "./cancel-run.ts";
import { type Context, defaultPace } from "./context.ts";
import { credit } from "./credit.ts";
import { retryRun } from "./retry-run.ts";
import { previewReview, reviewInvoices, reviewMethod } from "./review.ts";

const A = "INV-20261207-1";
const B = "INV-20261207-2";

let data: TestData;

beforeEach(async () => {
  data = await openTestData({
    users: [{ externalId: "a" }, { externalId: "b" }, { externalId: "none", method: null }],
  });
  await invoicedRun(data, "2026-12-07");
});

afterEach(async () => {
  await data.close();
});

const paid = { status: "paid" } as const;
const rejected = { status: "rejected", reason: "fraud", disposition: "return" } as const;
const review = (numbers: string[], verdict: Parameters<typeof reviewInvoices>[1]["verdict"]) =>
  reviewInvoices(data.ctx, { selection: { numbers }, verdict, actor: "finance" });

/** These tests have no queue; a retry that finds nothing to do needs none, nor does the cancelling of a few users. */
const flow = () => ({ ...data.ctx, pace: defaultPace }) as unknown as Context;
const cancel = (paymentDate: string) => cancelRun(flow(), { paymentDate, reason: "wrong file", actor: "test" });
const retry = (input: { paymentDate?: string }) => retryRun(flow(), { ...input, actor: "test" });

/** The problems of the InputError with which `work` must fail, changing nothing. */
async function refusal(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = await fingerprint(data.database);
  const error = await work().then(
    () => null,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(InputError);
  expect(await fingerprint(data.database)).toEqual(before);
  return (error as InputError).problems;
}

describe("review of invoices", () => {
  it("a review gives each invoice its own result, and reviews it once", async () => {
    await review([A], paid);
    expect(await review([B, A, B], rejected)).toEqual({
      status: "done",
      counts: [{ result: "reviewed", invoices: 1, amountCents: 150_00n }],
      invoices: [
        { number: B, result: "reviewed", status: "rejected" },
        { number: A, result: "already-reviewed", status: "paid" },
      ],
    });
    expect(data.log.of("invoices.reviewed")).toEqual([
      { status: "paid", reviewed: 1 },
      { status: "rejected", reviewed: 1 },
    ]);
  });

  it("a review by a filter or with a preview logs one line with counts, and one that changes nothing logs none", async () => {
    const selection = { filter: { paymentDate: "2026-12-07" } };
    const request = { selection, verdict: paid, actor: "finance" };
    await data.database.sql`update settings set two_person_above_cents = 1`;
    const { token } = await previewReview(data.ctx, request);
    const counts = [{ result: "approved", invoices: 2, amountCents: 300_00n }];
    expect(await reviewInvoices(data.ctx, { ...request, token })).toEqual({ status: "done", counts, invoices: [] });
    expect(await reviewInvoices(data.ctx, { ...request, token })).toEqual({ status: "refused", refusal: "used" });
    const second = { ...request, actor: "treasury" };
    expect(await reviewInvoices(data.ctx, second)).toMatchObject({ counts: [{ result: "reviewed", invoices: 2 }] });
    expect(await reviewInvoices(data.ctx, second)).toEqual({ status: "done", counts: [], invoices: [] });
    expect(data.log.of("invoices.reviewed")).toEqual([
      { status: "paid", approved: 2 },
      { status: "paid", reviewed: 2 },
    ]);
  });

  const forfeit = { ...rejected, disposition: "forfeit" } as const;
  const byFilter = { filter: { paymentDate: "2026-12-07", minimumAmountCents: 1_00n } };
  const previewed = { selection: byFilter, verdict: rejected, actor: "finance" };

  it("a review with another verdict, reason or selection than its preview is refused, though the set is the same", async () => {
    const { token } = await previewReview(data.ctx, previewed);
    const before = await fingerprint(data.database);
    const others = [
      { verdict: paid },
      { verdict: forfeit },
      { verdict: { ...rejected, reason: "Fraud" } },
      { selection: { filter: { ...byFilter.filter, minimumAmountCents: 1_01n } } },
      { selection: { filter: { paymentDate: "2026-12-07" } } },
      { selection: { numbers: [A, B] } },
      { isProgram: true },
    ];
    const refused = { status: "refused", refusal: "other-request" };
    for (const changes of others)
      expect([changes, await reviewInvoices(data.ctx, { ...previewed, ...changes, token })]).toEqual([
        changes,
        refused,
      ]);
    expect(await fingerprint(data.database)).toEqual(before);
    expect(data.log.of("invoices.review-refused")).toEqual(others.map(() => ({ refusal: "other-request" })));
  });

  it("a review is the one that was previewed whatever the order of its numbers or fields", async () => {
    const { token } = await previewReview(data.ctx, { ...previewed, selection: { numbers: [A, B, A] } });
    expect(
      await reviewInvoices(data.ctx, {
        ...previewed,
        selection: { numbers: [B, A] },
        verdict: { disposition: "return", reason: "fraud", status: "rejected" },
        token,
      }),
    ).toMatchObject({ status: "done", counts: [{ result: "reviewed", invoices: 2 }] });
  });

  it("a preview is valid for fifteen minutes, and no token can be made from what it showed", async () => {
    const { token, digest, expiresAt } = await previewReview(data.ctx, previewed);
    const refused = (refusal: string) => ({ status: "refused", refusal });
    for (const forged of [digest, "", token.toUpperCase()])
      expect(await reviewInvoices(data.ctx, { ...previewed, token: forged })).toEqual(refused("unknown"));
    expect(expiresAt.getTime() - data.clock().getTime()).toBe(15 * 60_000);
    data.clock.set(expiresAt.toISOString());
    expect(await reviewInvoices(data.ctx, { ...previewed, token })).toEqual(refused("expired"));
  });

  it("a review with unknown numbers is refused whole and names them", async () => {
    expect(await refusal(() => review([A, "INV-1", "INV-2"], paid))).toEqual([
      "there is no invoice INV-1",
      "there is no invoice INV-2",
    ]);
  });

  it.each(["", "  "])("a rejection with the reason %j is refused", async (reason) => {
    expect(await refusal(() => review([A], { ...rejected, reason }))).toEqual(["a rejection needs a reason"]);
  });
});

describe("review of a payment method", () => {
  const method = (externalId: string, verdict: Parameters<typeof reviewMethod>[1]["verdict"]) =>
    reviewMethod(data.ctx, { externalId, verdict, actor: "finance" });

  it("a payment method is reviewed once, and the log does not contain its e-mail", async () => {
    const bounced = { status: "rejected", reason: "bounced" } as const;
    const binanceEmail = "a@pay.example.com";
    const reviewed = { status: "rejected", binanceEmail };
    expect(await method("a", bounced)).toEqual({ status: "reviewed", method: reviewed });
    expect(await method("a", bounced)).toEqual({ status: "already-reviewed", method: reviewed });
    expect(JSON.stringify(data.log.of("method.reviewed"))).toBe('[{"userId":1,"status":"rejected"}]');
  });

  it("a review that waits for an import of another Binance e-mail changes nothing, and returns the new one", async () => {
    await method("a", { status: "rejected", reason: "bounced" });
    const held = await holdTransaction(data.database, async (sql) => {
      await sql`select from users where id = 1 for no key update`;
      await sql`
        insert into payment_methods (user_id, binance_email, status, created_at)
        values (1, 'new@pay.example.com', 'pending', now())`;
    });
    const review = { externalId: "a", binanceEmail: "a@pay.example.com", verdict: { status: "approved" } } as const;
    const reviewing = reviewMethod(data.ctx, { ...review, actor: "finance" });
    await untilBlocked(data.database);
    await held.commit();
    expect(await reviewing).toEqual({
      status: "already-reviewed",
      method: { binanceEmail: "new@pay.example.com", status: "pending" },
    });
  });

  it("a review of the method of an unknown user or one without a method, and a rejection without a reason, are refused", async () => {
    const before = await fingerprint(data.database);
    expect(await method("unknown", { status: "approved" })).toEqual({ status: "unknown-user" });
    expect(await method("none", { status: "approved" })).toEqual({ status: "no-method" });
    expect(await fingerprint(data.database)).toEqual(before);
    expect(await refusal(() => method("a", { status: "rejected", reason: " " }))).toHaveLength(1);
  });
});

describe("credit", () => {
  const give = (changes: Partial<Parameters<typeof credit>[1]> = {}) =>
    credit(data.ctx, { externalId: "a", amountCents: 10_00n, key: "k", keyOwner: "cli", actor: "test", ...changes });

  it("a credit returns the balance, and the same key credits only once", async () => {
    const entry = expect.objectContaining({ externalId: "a", amountCents: 10_00n, key: "k" });
    expect(await give()).toEqual({ status: "credited", balanceCents: 10_00n, entry });
    expect(await give()).toEqual({ status: "already-credited", balanceCents: 10_00n, entry });
    expect(data.log.of("user.credited")).toEqual([{ status: "credited" }, { status: "already-credited" }]);
  });

  it("of two owners of one key each has an entry of their own, and gets that one back", async () => {
    const own = await give({ keyOwner: "token:1" });
    const other = await give({ keyOwner: "token:2", amountCents: 1n });
    expect(other).toMatchObject({ status: "credited", entry: { amountCents: 1n } });
    expect(await give({ keyOwner: "token:1" })).toMatchObject({
      status: "already-credited",
      entry: "entry" in own ? own.entry : null,
    });
    expect(await give({ keyOwner: "token:1", amountCents: 1n })).toMatchObject({
      status: "key-conflict",
      entry: { amountCents: 10_00n },
    });
  });

  it("a credit that is sent again with another note is the same credit, and keeps its first note", async () => {
    await give({ note: "spring" });
    expect(await give({ note: "summer" })).toMatchObject({ status: "already-credited", entry: { note: "spring" } });
  });

  it("an unknown user, and a key used for another amount, credit nothing", async () => {
    await give();
    const before = await fingerprint(data.database);
    expect(await give({ externalId: "unknown", key: "l" })).toEqual({ status: "unknown-user" });
    expect(await give({ amountCents: 1n })).toMatchObject({ status: "key-conflict", entry: { amountCents: 10_00n } });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a credit with a bad amount or a bad key is refused", async () => {
    await give();
    expect(await refusal(() => give({ amountCents: 0n, key: "l" }))).toEqual(["a credit must be more than 0"]);
    expect(await refusal(() => give({ amountCents: -1n, key: "l" }))).toEqual(["a credit must be more than 0"]);
    expect(await refusal(() => give({ key: " " }))).toEqual(["a key has 1 to 255 characters"]);
    expect(await refusal(() => give({ key: "k".repeat(256) }))).toEqual(["a key has 1 to 255 characters"]);
  });
});

describe("retry of a run", () => {
  it("a retry of a date without a run is refused", async () => {
    await data.database.sql`update payment_runs set payment_date = '2026-12-21'`;
    const before = await fingerprint(data.database);
    expect(await retry({ paymentDate: "2026-12-07" })).toEqual({ status: "unknown-run" });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a retry without a date is refused while there is no run", async () => {
    const empty = await openTestData();
    const ctx = empty.ctx as Parameters<typeof retryRun>[0];
    try {
      expect(await retryRun(ctx, { actor: "test" })).toEqual({ status: "unknown-run" });
    } finally {
      await empty.close();
    }
  });

  it("a retry of a cancelled run says so, and changes nothing", async () => {
    await cancel("2026-12-07");
    const before = await fingerprint(data.database);
    const run = expect.objectContaining({ state: "cancelled" });
    expect(await retry({ paymentDate: "2026-12-07" })).toEqual({ status: "cancelled", run });
    expect(await fingerprint(data.database)).toEqual(before);
  });
});

describe("cancelling of a run", () => {
  it("a run is cancelled once, and a date without a run is refused", async () => {
    expect(await cancel("2026-12-07")).toEqual({ status: "cancelled", skipped: 0 });
    const before = await fingerprint(data.database);
    const run = expect.objectContaining({ state: "cancelled" });
    expect(await cancel("2026-12-07")).toEqual({ status: "finished", run });
    expect(await cancel("2026-12-21")).toEqual({ status: "unknown-run" });
    expect(await fingerprint(data.database)).toEqual(before);
  });
});
