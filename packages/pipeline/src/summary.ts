import {
  firstLiveDate,
  type LocalDate,
  latestPaymentDate,
  localDateAt,
  nextPaymentDate,
  type PaymentDate,
  type PaymentKind,
  type Policy,
  paymentKindOf,
  type RunState,
  type SkipReason,
  skipReasons,
} from "@cpa-payouts/core";
import {
  type DecisionTotals,
  findRun,
  findScheduler,
  noDecisions,
  type PaymentRun,
  previewDecisions,
  totalsOfRun,
  totalsOfRuns,
} from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";
import { liveFromOf } from "./follow-schedule.ts";

/**
 * The totals of a run or a preview. `considered` is the sum of the other counts in a preview and
 * once the run is completed or cancelled; before that it includes the open decisions.
 */
export interface RunSummary {
  readonly paymentDate: LocalDate;
  readonly kind: PaymentKind;
  readonly state: RunState | "preview";
  readonly considered: number;
  readonly invoiced: number;
  readonly failed: number;
  readonly skipped: Readonly<Record<ReasonAlwaysShown, number> & Partial<Record<SkipReason, number>>>;
  readonly totalCents: bigint;
}

export interface NotAPaymentDate {
  readonly paymentDate: LocalDate;
  readonly state: "not-a-payment-date";
  readonly next: LocalDate;
}

/** The present totals of a run. */
export async function summarizeRun(ctx: Pick<DataContext, "db">, run: PaymentRun): Promise<RunSummary> {
  return summaryOfRun(run, await totalsOfRun(ctx.db, run.id));
}

/** {@link summarizeRun} for several runs, in their order, with a single query. */
export async function summarizeRuns(
  ctx: Pick<DataContext, "db">,
  runs: readonly PaymentRun[],
): Promise<readonly { readonly run: PaymentRun; readonly summary: RunSummary }[]> {
  const totals = await totalsOfRuns(
    ctx.db,
    runs.map(({ id }) => id),
  );
  return runs.map((run) => ({ run, summary: summaryOfRun(run, totals.get(run.id) ?? noDecisions) }));
}

function summaryOfRun({ paymentDate: date, kind, state }: PaymentRun, totals: DecisionTotals): RunSummary {
  return summaryOf({ date, kind }, state, totals);
}

/**
 * What a run of a date would decide now; writes nothing.
 *
 * @returns the totals, which are those of the run if the date has one; the next payment date if `date` is none
 */
export async function previewRun(
  ctx: Pick<DataContext, "db" | "clock">,
  date: LocalDate,
  policy: Policy,
): Promise<RunSummary | NotAPaymentDate> {
  const kind = paymentKindOf(date);
  if (!kind) return notAPaymentDate(date);
  const run = await findRun(ctx.db, date);
  if (run) return summarizeRun(ctx, run);
  const paymentDate = { date, kind };
  const { minimumBalanceCents } = policy;
  const totals = await previewDecisions(ctx.db, { date: paymentDate, minimumBalanceCents, now: ctx.clock() });
  return summaryOf(paymentDate, "preview", totals);
}

/** The result for a day that is not a payment date, with the next payment date after it. */
export function notAPaymentDate(date: LocalDate): NotAPaymentDate {
  return { paymentDate: date, state: "not-a-payment-date", next: nextPaymentDate(date).date };
}

/** Today if it is a payment date, otherwise the next one: the default where no date is given. */
export function currentOrNextPaymentDate(today: LocalDate): PaymentDate {
  const latest = latestPaymentDate(today);
  return latest.date === today ? latest : nextPaymentDate(today);
}

/**
 * The next payment date that a tick will run: today if it is one and has no run yet, otherwise the one after it. Dates before
 * going live are left out; an installation that has had no tick goes live now.
 */
export async function findNextDate(
  { db, clock }: Pick<DataContext, "db" | "clock">,
  { schedule }: Pick<Policy, "schedule">,
): Promise<PaymentDate> {
  const now = clock();
  const scheduler = await findScheduler(db);
  const liveFrom = scheduler ? liveFromOf(scheduler, schedule) : firstLiveDate(now, schedule);
  const today = localDateAt(now, schedule.timeZone);
  const isLive = liveFrom <= today;
  return nextUnsettledDate(isLive ? today : liveFrom, async (date) => (await findRun(db, date)) !== null);
}

/** The payment date `today` unless it is settled, otherwise the next one. */
export async function nextUnsettledDate(
  today: LocalDate,
  isSettled: (date: LocalDate) => Promise<boolean>,
): Promise<PaymentDate> {
  const date = currentOrNextPaymentDate(today);
  return date.date === today && (await isSettled(today)) ? nextPaymentDate(today) : date;
}

function summaryOf({ date, kind }: PaymentDate, state: RunSummary["state"], totals: DecisionTotals): RunSummary {
  return {
    paymentDate: date,
    kind,
    state,
    considered: totals.considered,
    invoiced: totals.invoiced,
    failed: totals.failed,
    skipped: skippedBy(totals),
    totalCents: totals.totalCents,
  };
}

/** Whether a reason is in `skipped` even if it applied to no user. Programs rely on those that are always there. */
const shownInSkipped = {
  inactive: "always",
  "below-minimum": "always",
  "no-approved-method": "always",
  "method-in-cooling-off": "where-applied",
  "first-time-waits": "always",
  "run-cancelled": "where-applied",
} as const satisfies Readonly<Record<SkipReason, "always" | "where-applied">>;

type ReasonAlwaysShown = {
  [Reason in SkipReason]: (typeof shownInSkipped)[Reason] extends "always" ? Reason : never;
}[SkipReason];

function skippedBy({ skipped }: DecisionTotals): RunSummary["skipped"] {
  const listed = skipReasons.filter((reason) => shownInSkipped[reason] === "always" || skipped[reason]);
  return Object.fromEntries(listed.map((reason) => [reason, skipped[reason] ?? 0])) as RunSummary["skipped"];
}
