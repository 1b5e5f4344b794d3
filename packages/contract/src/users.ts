import {
  decisions,
  ledgerKinds,
  outcomeTransitions,
  paymentKinds,
  paymentMethodTransitions,
  skipReasons,
  statesOf,
  userReasons,
  userSorts,
  userStatuses,
} from "@cpa-payouts/core";
import { z } from "zod";
import {
  amount,
  amountOrZero,
  dateInput,
  externalId,
  instant,
  line,
  localDate,
  pageOf,
  pageQuery,
  positiveAmount,
  reason,
  signedAmount,
} from "./fields.ts";
import { operation } from "./operation.ts";

const reads = { role: "viewer", scope: "users:read" } as const;
const methodStatus = z.enum(statesOf(paymentMethodTransitions));

const user = z
  .object({
    externalId: z.string(),
    email: z.string(),
    name: z.string(),
    status: z.enum(userStatuses),
    balance: amount,
    binanceEmail: z.string().nullable(),
    paymentMethodStatus: methodStatus.nullable(),
    previousInvoices: z.int(),
    invoiceCount: z.int(),
  })
  .meta({ id: "User" });

const expectedPayment = z
  .object({
    paymentDate: localDate,
    kind: z.enum(paymentKinds),
    /** The amount that the user would be paid if nothing changed until then. */
    amount,
    /** The reasons for which a run would skip the user now; empty when there are none. */
    missing: z.array(z.enum(userReasons)),
  })
  .meta({ id: "ExpectedPayment" });

const ledgerEntry = z
  .object({
    id: z.int(),
    externalId: z.string(),
    kind: z.enum(ledgerKinds),
    amount,
    invoiceNumber: z.string().nullable(),
    key: z.string().nullable(),
    note: z.string().nullable(),
    actor: z.string(),
    createdAt: instant,
  })
  .meta({ id: "LedgerEntry" });

const storedDecision = z
  .object({
    paymentDate: localDate,
    decision: z.enum(decisions),
    reason: z.enum(skipReasons).nullable(),
    balance: amount,
    outcome: z.enum(statesOf(outcomeTransitions)),
    error: z.string().nullable(),
    invoiceNumber: z.string().nullable(),
    /** The decision and its outcome in one sentence. */
    sentence: z.string(),
  })
  .meta({ id: "UserDecision" });

const method = z
  .object({
    externalId: z.string(),
    name: z.string(),
    binanceEmail: z.string(),
    status: methodStatus,
    reviewedBy: z.string().nullable(),
    reviewedAt: instant.nullable(),
    reason: z.string().nullable(),
    createdAt: instant,
    /** How many other users have given this Binance e-mail. */
    sharedWith: z.int(),
    /** The previous Binance e-mail, if this one replaced it. */
    replaces: z.string().nullable(),
  })
  .meta({ id: "PaymentMethod" });

const ofUser = z.object({ externalId });

/** Identifies a change: a request repeated with the same key does not make it twice. */
const idempotencyKey = z.object({ "idempotency-key": line(255) });

export const userOperations = {
  listUsers: operation({
    method: "GET",
    path: "/api/v1/users",
    summary: "Users",
    access: reads,
    query: z.object({
      status: z.enum(userStatuses).optional(),
      method: methodStatus.optional(),
      minimumBalance: amountOrZero.optional(),
      search: line(200).optional().meta({ description: "the beginning of the external id, e-mail or name" }),
      sort: z.enum(userSorts).default("oldest"),
      ...pageQuery,
    }),
    response: pageOf(user),
  }),
  readUser: operation({
    method: "GET",
    path: "/api/v1/users/:externalId",
    summary: "One user, with the next expected payment and the conditions not yet met for it",
    access: reads,
    params: ofUser,
    response: user.extend({ id: z.int(), joinedAt: instant, expected: expectedPayment }),
  }),
  changeUserStatus: operation({
    method: "POST",
    path: "/api/v1/users/:externalId/status",
    summary: "Suspend, close or activate a user",
    access: { role: "admin", scope: "users:write" },
    params: ofUser,
    body: z.strictObject({ status: z.enum(userStatuses), reason }),
    response: user,
  }),
  listLedger: operation({
    method: "GET",
    path: "/api/v1/users/:externalId/ledger",
    summary: "Every change of a user's balance, newest first",
    access: reads,
    params: ofUser,
    query: z.object(pageQuery),
    response: pageOf(ledgerEntry),
  }),
  explainUser: operation({
    method: "GET",
    path: "/api/v1/users/:externalId/why",
    summary: "Why a user was (not) paid: the decision of each run, latest first",
    access: reads,
    params: ofUser,
    query: z.object({ date: dateInput.optional() }),
    response: z.object({ items: z.array(storedDecision) }),
  }),
};

export const methodOperations = {
  listMethods: operation({
    method: "GET",
    path: "/api/v1/methods",
    summary: "Payment methods, oldest first; the queue to review is `status=pending`",
    access: { role: "viewer", scope: "methods:read" },
    query: z.object({ status: methodStatus.optional(), externalId: externalId.optional(), ...pageQuery }),
    response: pageOf(method),
  }),
  reviewMethod: operation({
    method: "POST",
    path: "/api/v1/users/:externalId/method/review",
    summary: "Approve or reject a user's latest payment method",
    access: { role: "operator", scope: "methods:review" },
    params: ofUser,
    body: z.strictObject({
      /** The Binance e-mail that the reviewer saw. If the user has given another one since, nothing is changed. */
      binanceEmail: z.string().min(1).max(254),
      verdict: z.discriminatedUnion("status", [
        z.strictObject({ status: z.literal("approved") }),
        z.strictObject({ status: z.literal("rejected"), reason }),
      ]),
    }),
    response: z.object({ binanceEmail: z.string(), status: methodStatus }),
  }),
};

export const ledgerOperations = {
  createCredit: operation({
    method: "POST",
    path: "/api/v1/credits",
    summary: "Add a conversion's earnings to a balance, once per Idempotency-Key",
    access: { role: "operator", scope: "credits:write" },
    headers: idempotencyKey,
    body: z.strictObject({ externalId, amount: positiveAmount, note: line(500).optional() }),
    response: ledgerEntry,
  }),
  createAdjustment: operation({
    method: "POST",
    path: "/api/v1/adjustments",
    summary: "Correct a balance up or down, with a reason, once per Idempotency-Key",
    access: { role: "admin", scope: "adjustments:write", isSensitive: true },
    headers: idempotencyKey,
    body: z.strictObject({ externalId, amount: signedAmount, reason }),
    response: ledgerEntry,
  }),
};
