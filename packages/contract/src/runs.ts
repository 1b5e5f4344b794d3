import {
  cancelledRunStates,
  decisions,
  outcomeTransitions,
  paymentKinds,
  runTransitions,
  runTriggers,
  skipReasons,
  statesOf,
} from "@cpa-payouts/core";
import { z } from "zod";
import { amount, dateInput, instant, localDate, pageOf, pageQuery, reason } from "./fields.ts";
import { operation } from "./operation.ts";

const reads = { role: "viewer", scope: "runs:read" } as const;
const works = { role: "operator", scope: "runs:write" } as const;

const kind = z.enum(paymentKinds);
const state = z.enum(statesOf(runTransitions));
const outcome = z.enum(statesOf(outcomeTransitions));
const skipReason = z.enum(skipReasons);

const totals = {
  considered: z.int(),
  invoiced: z.int(),
  failed: z.int(),
  /** Number of users by reason; a reason without users may be absent. */
  skipped: z.partialRecord(skipReason, z.int()),
  total: amount,
};

const run = z
  .object({
    paymentDate: localDate,
    kind,
    trigger: z.enum(runTriggers),
    state,
    ...totals,
    minimumBalance: amount,
    coolingOffDays: z.int(),
    openedBy: z.string(),
    openedAt: instant,
    decidedAt: instant.nullable(),
    fannedOutAt: instant.nullable(),
    completedAt: instant.nullable(),
    cancelledAt: instant.nullable(),
  })
  .meta({ id: "PaymentRun" });

const decision = z
  .object({
    externalId: z.string(),
    name: z.string(),
    decision: z.enum(decisions),
    reason: skipReason.nullable(),
    balance: amount,
    outcome,
    error: z.string().nullable(),
    invoiceNumber: z.string().nullable(),
  })
  .meta({ id: "Decision" });

const preview = z.object({
  paymentDate: localDate,
  kind: kind.nullable(),
  /** `preview`; the run's state if the date already has a run; or `not-a-payment-date`, with the next one in `next`. */
  state: z.union([state, z.enum(["preview", "not-a-payment-date"])]),
  next: localDate.nullable(),
  totals: z.object(totals).nullable(),
});

const ofDate = z.object({ date: dateInput });

export const runOperations = {
  listRuns: operation({
    method: "GET",
    path: "/api/v1/runs",
    summary: "Payment runs, newest payment date first",
    access: reads,
    query: z.object({ state: state.optional(), ...pageQuery }),
    response: pageOf(run),
  }),
  previewRun: operation({
    method: "GET",
    path: "/api/v1/preview",
    summary: "What a run of a date would decide now (default: today if it is a payment date, else the next one)",
    access: reads,
    query: z.object({ date: dateInput.optional() }),
    response: preview,
  }),
  readRun: operation({
    method: "GET",
    path: "/api/v1/runs/:date",
    summary: "One run",
    access: reads,
    params: ofDate,
    response: run,
  }),
  followRun: operation({
    method: "GET",
    path: "/api/v1/runs/:date/progress",
    summary: "Server-sent events `progress` ({state, done, total}) until the run ends",
    access: reads,
    params: ofDate,
    response: "text/event-stream",
  }),
  listDecisions: operation({
    method: "GET",
    path: "/api/v1/runs/:date/decisions",
    summary: "What a run decided for each user; the failures are those with outcome `failed`",
    access: reads,
    params: ofDate,
    query: z.object({ outcome: outcome.optional(), reason: skipReason.optional(), ...pageQuery }),
    response: pageOf(decision),
  }),
  openRun: operation({
    method: "POST",
    path: "/api/v1/runs",
    summary:
      "Open the run of a payment date that is not in the future, not before going live and at most 366 days old, or resume it if it is open",
    access: { ...works, isSensitive: true },
    body: z.strictObject({ paymentDate: dateInput }),
    response: run,
  }),
  resumeRun: operation({
    method: "POST",
    path: "/api/v1/runs/:date/resume",
    summary: "Queue again a run's open work that is missing from the queue",
    access: works,
    params: ofDate,
    response: run,
  }),
  retryRun: operation({
    method: "POST",
    path: "/api/v1/runs/:date/retry",
    summary: "Try the failed users of a run again",
    access: works,
    params: ofDate,
    response: z.object({ retried: z.int() }),
  }),
  cancelRun: operation({
    method: "POST",
    path: "/api/v1/runs/:date/cancel",
    summary: "Stop a run permanently; users who are not invoiced by now wait for a later date",
    access: { ...works, isSensitive: true },
    params: ofDate,
    body: z.strictObject({ reason }),
    response: z.object({
      /** `cancelling` when the workers still skip users; nothing more is invoiced in either case. */
      state: z.enum(cancelledRunStates),
      /** Users skipped by now. */
      skipped: z.int(),
    }),
  }),
};
