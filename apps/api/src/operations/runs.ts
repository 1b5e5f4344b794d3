import { defined, formatCents, InputError, localDateAt } from "@cpa-payouts/core";
import { type DecisionListing, findRun, listDecisions, listRuns, type PaymentRun } from "@cpa-payouts/db";
import {
  cancelRun,
  currentOrNextPaymentDate,
  describeFutureDate,
  findEarliestRequestable,
  previewRun,
  type RunnableDate,
  type RunSummary,
  readRunnableDate,
  resumeByHand,
  retryRun,
  startRun,
  summarizeRun,
  summarizeRuns,
} from "@cpa-payouts/pipeline";
import type { Api } from "../api.ts";
import type { Handlers } from "../calls.ts";
import { positions, readCursor, toPage } from "../cursors.ts";
import { conflict, notFound } from "../problems.ts";
import { progressEvents } from "../progress-events.ts";

export const runHandlers: Handlers<"runs"> = {
  listRuns: async (api, { query }) => {
    const { state, limit, cursor } = query;
    const beforeDate = readCursor(positions.byDate, cursor)?.date;
    const rows = await listRuns(api.ctx.db, defined({ state, beforeDate, limit: limit + 1 }));
    const page = toPage(rows, limit, { present: (run) => run, position: ({ paymentDate }) => ({ date: paymentDate }) });
    return { ...page, items: (await summarizeRuns(api.ctx, page.items)).map(toRun) };
  },

  previewRun: async ({ ctx }, { query }) => {
    const { policy } = ctx;
    const date = query.date ?? currentOrNextPaymentDate(today(ctx)).date;
    const preview = await previewRun(ctx, date, policy);
    if (preview.state === "not-a-payment-date") return { ...preview, kind: null, totals: null };
    const { paymentDate, kind, state } = preview;
    return { paymentDate, kind, state, next: null, totals: presentTotals(preview) };
  },

  readRun: async (api, { params }) => presentRun(api, await knownRun(api, params.date)),

  followRun: async (api, call) => {
    const run = await knownRun(api, call.params.date);
    return { stream: progressEvents(api, run, call) };
  },

  listDecisions: async (api, { params, query }) => {
    const run = await knownRun(api, params.date);
    const { limit, cursor, outcome, reason } = query;
    const afterUserId = readCursor(positions.byId, cursor)?.id ?? 0;
    const filter = defined({ outcome, reason });
    const rows = await listDecisions(api.ctx.db, run.id, filter, { afterUserId, limit: limit + 1 });
    return toPage(rows, limit, { present: presentDecision, position: ({ userId }) => ({ id: userId }) });
  },

  openRun: async (api, { body, audit }) => {
    const runnable = readRunnableDate(api.ctx, body.paymentDate, await findEarliestRequestable(api.ctx));
    if (runnable.status !== "runnable") throw new InputError(`body.paymentDate: ${whyNotRunnable(runnable)}`);
    return presentRun(api, await startRun(api.ctx, { ...audit, date: runnable.date, trigger: "manual" }));
  },

  resumeRun: async (api, { params, audit }) => {
    const run = await knownRun(api, params.date);
    await resumeByHand(api.ctx, run, audit);
    return presentRun(api, run);
  },

  retryRun: async ({ ctx }, { params, audit }) => {
    const result = await retryRun(ctx, { ...audit, paymentDate: params.date });
    switch (result.status) {
      case "retried":
        return { retried: result.retried };
      case "cancelled":
        throw conflict("the run was cancelled", { state: result.run.state });
      case "unknown-run":
        throw unknownRun(params.date);
    }
  },

  cancelRun: async ({ ctx }, { params, body, audit }) => {
    const result = await cancelRun(ctx, { ...audit, paymentDate: params.date, reason: body.reason });
    switch (result.status) {
      case "cancelled":
      case "cancelling":
        return { state: result.status, skipped: result.skipped };
      case "finished":
        throw conflict(`the run is ${result.run.state} already`, { state: result.run.state });
      case "unknown-run":
        throw unknownRun(params.date);
    }
  },
};

function whyNotRunnable(refused: Exclude<RunnableDate, { status: "runnable" }>): string {
  if (refused.status === "future" && refused.kind)
    return describeFutureDate(refused, `GET /api/v1/preview?date=${refused.date}`);
  if (refused.status === "too-old")
    return `${refused.date} is before ${refused.earliest}, the earliest date that can be run here; the command line runs older ones: payouts run --date ${refused.date}`;
  return `${refused.date} is not a payment date`;
}

function today(ctx: Api["ctx"]): string {
  return localDateAt(ctx.clock(), ctx.policy.schedule.timeZone);
}

async function knownRun({ ctx }: Api, date: string): Promise<PaymentRun> {
  const run = await findRun(ctx.db, date);
  if (!run) throw unknownRun(date);
  return run;
}

function unknownRun(date: string) {
  return notFound(`run of ${date}`);
}

async function presentRun({ ctx }: Api, run: PaymentRun) {
  return toRun({ run, summary: await summarizeRun(ctx, run) });
}

function toRun({ run, summary }: { run: PaymentRun; summary: RunSummary }) {
  return {
    paymentDate: run.paymentDate,
    kind: run.kind,
    trigger: run.trigger,
    state: run.state,
    ...presentTotals(summary),
    minimumBalance: formatCents(run.minimumBalanceCents),
    coolingOffDays: run.coolingOffDays,
    openedBy: run.openedBy,
    openedAt: run.openedAt.toISOString(),
    decidedAt: run.decidedAt?.toISOString() ?? null,
    fannedOutAt: run.fannedOutAt?.toISOString() ?? null,
    completedAt: run.completedAt?.toISOString() ?? null,
    cancelledAt: run.cancelledAt?.toISOString() ?? null,
  };
}

function presentTotals({ considered, invoiced, failed, skipped, totalCents }: RunSummary) {
  return { considered, invoiced, failed, skipped: { ...skipped }, total: formatCents(totalCents) };
}

function presentDecision({
  externalId,
  name,
  decision,
  reason,
  balanceCents,
  outcome,
  error,
  invoiceNumber,
}: DecisionListing) {
  return { externalId, name, decision, reason, balance: formatCents(balanceCents), outcome, error, invoiceNumber };
}
