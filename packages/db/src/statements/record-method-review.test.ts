import { type PaymentMethodStatus, paymentMethodTransitions, statesOf } from "@cpa-payouts/core";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findLatestMethod } from "../reads/payment-methods.ts";
import { fingerprint, openTestData, type TestData } from "../testing/index.ts";
import { type MethodReview, recordMethodReview } from "./record-method-review.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({
    users: [
      { externalId: "a", method: "pending" },
      { externalId: "none", method: null },
    ],
  });
});

afterEach(async () => {
  await data.close();
});

const approved = { status: "approved" } as const;
const rejected = { status: "rejected", reason: "bounced" } as const;

const review = (to: MethodReview["to"], externalId = "a", seen: { binanceEmail?: string } = {}) =>
  recordMethodReview(data.ctx.db, { externalId, to, actor: "finance", now: NOW, ...seen });

describe("review of a payment method", () => {
  it("an approval is stored with actor, time and audit row", async () => {
    expect(await review(approved)).toEqual({ binanceEmail: "a@pay.example.com" });
    const { sql } = data.database;
    const [method] = await sql`select status, reviewed_by, reviewed_at, reason from payment_methods`;
    expect(method).toEqual({ status: "approved", reviewed_by: "finance", reviewed_at: NOW, reason: null });
    const [audit] =
      await sql`select actor, object, reason, before, after from audit_log where action = 'method.approve'`;
    expect(audit).toEqual({
      actor: "finance",
      object: "user:1",
      reason: null,
      before: { binanceEmail: "a@pay.example.com", status: "pending" },
      after: { binanceEmail: "a@pay.example.com", status: "approved" },
    });
  });

  it("a method is rejected with a reason, and may be approved later", async () => {
    await review(rejected);
    expect(await findLatestMethod(data.ctx.db, "a")).toEqual({ binanceEmail: "a@pay.example.com", status: "rejected" });
    await review(approved);
    const [method] = await data.database.sql`select status, reason from payment_methods`;
    expect(method).toEqual({ status: "approved", reason: null });
  });

  const table: Readonly<Record<string, readonly string[]>> = paymentMethodTransitions;
  const cases = statesOf(paymentMethodTransitions).flatMap((from) =>
    [approved, rejected].map((to) => {
      const effect = table[from]?.includes(to.status) ? "takes effect" : "does nothing";
      return [from, to.status, effect, to] as const;
    }),
  );
  it.each(cases)("a review of a payment method from %s to %s %s", async (from, _status, effect, to) => {
    const allowed = effect === "takes effect";
    await data.database.sql`update payment_methods set status = ${from}, reason = 'before'`;
    const before = await fingerprint(data.database);
    expect(await review(to)).toEqual(allowed ? { binanceEmail: "a@pay.example.com" } : null);
    if (!allowed) expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a review applies to the user's latest payment method only", async () => {
    await data.database.sql`update payment_methods set status = 'replaced'`;
    await data.database.sql`insert into payment_methods (user_id, binance_email, status, created_at)
      values (1, 'new@pay.example.com', 'pending', now())`;
    expect(await review(approved)).toEqual({ binanceEmail: "new@pay.example.com" });
    const rows = await data.database.sql<
      { status: PaymentMethodStatus }[]
    >`select status from payment_methods order by id`;
    expect(rows.map(({ status }) => status)).toEqual(["replaced", "approved"]);
  });

  it("a review for a user without a method, or for an unknown user, does nothing", async () => {
    expect(await review(approved, "none")).toBeNull();
    expect(await review(approved, "unknown")).toBeNull();
    expect(await findLatestMethod(data.ctx.db, "none")).toBeNull();
  });

  it("a Binance e-mail that is not the one seen is not reviewed", async () => {
    const before = await fingerprint(data.database);
    expect(await review(approved, "a", { binanceEmail: "b@pay.example.com" })).toBeNull();
    expect(await fingerprint(data.database)).toEqual(before);
    expect(await review(approved, "a", { binanceEmail: "a@pay.example.com" })).not.toBeNull();
  });

  it("a payment method that is replaced at the same moment is not approved", async () => {
    const holder = await holdTransaction(data.database, (sql) => sql`select from users where id = 1 for update`);
    const verdict = review(approved);
    await untilBlocked(data.database);
    await holder.sql`update payment_methods set status = 'replaced'`;
    await holder.sql`insert into payment_methods (user_id, binance_email, status, created_at)
      values (1, 'new@pay.example.com', 'pending', now())`;
    await holder.commit();
    expect(await verdict).toBeNull();
    expect(await findLatestMethod(data.ctx.db, "a")).toEqual({
      binanceEmail: "new@pay.example.com",
      status: "pending",
    });
  });

  it("two approvals at the same moment take effect once", async () => {
    const holder = await holdTransaction(data.database, (sql) => sql`select from users where id = 1 for update`);
    const first = review(approved);
    await untilBlocked(data.database, 1);
    const second = review(approved);
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect([await first, await second]).toEqual([{ binanceEmail: "a@pay.example.com" }, null]);
  });
});
