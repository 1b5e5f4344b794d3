import { type AlertChannel, alertChannels, localDateAt } from "@cpa-payouts/core";
import {
  type AlertCandidate,
  findScheduler,
  getSettings,
  insertAlerts,
  isReviewOverdue,
  listOpenDeliveries,
  listRunsFinishedSince,
  type PaymentRun,
} from "@cpa-payouts/db";
import type { Context } from "./context.ts";
import { findSignInAlerts, type SignInAlert } from "./sign-in-alerts.ts";
import { findMissedDates } from "./verify.ts";

const DAY_MS = 86_400_000;

/** Deliveries queued by one tick; the next tick queues the rest. */
const PAGE = 500;

/** What is needed to find the alerts that apply now. */
type Situation = Pick<Context, "db" | "clock" | "policy" | "alerts">;

/** An alert whose text is composed when it is sent. */
interface StateAlert extends AlertCandidate {
  readonly event: Exclude<AlertCandidate["event"], SignInAlert["event"]>;
}
export type FoundAlert = StateAlert | SignInAlert;

/** The names of the configured channels. */
export function channelsOf({ alerts }: Pick<Context, "alerts">): AlertChannel[] {
  return alertChannels.filter((name) => alerts.channels[name]);
}

/**
 * Raises the alerts that the state of the database calls for, and queues open deliveries that are not queued. Does
 * nothing without a channel. Level-triggered: if a process dies between the end of a run and its alert, or the queue
 * loses its data, the alert is delayed until the next tick but not lost.
 */
export async function raiseAlerts(ctx: Context): Promise<void> {
  const channels = channelsOf(ctx);
  if (channels.length === 0) return;
  const candidates = await findAlerts(ctx);
  const raised = await insertAlerts(ctx.db, { candidates, channels, now: ctx.clock() });
  for (const { alertId, event } of raised) ctx.log.info({ alertId, alert: event }, "alert.raised");
  const open = await listOpenDeliveries(ctx.db, channels, PAGE);
  await ctx.queues.ensureQueued(
    "send-alert",
    open.map((deliveryId) => ({ deliveryId })),
  );
}

/**
 * Everything that calls for an alert now, whether its alert was raised before or not. The key of a condition that lasts
 * contains the local day: its alert is raised again every day until the condition ends.
 */
export async function findAlerts(ctx: Situation): Promise<FoundAlert[]> {
  const today = localDateAt(ctx.clock(), ctx.policy.schedule.timeZone);
  return [
    ...(await finishedRuns(ctx)),
    ...(await missedDates(ctx, today)),
    ...(await overdueReview(ctx, today)),
    ...(await findSignInAlerts(ctx)),
  ];
}

async function finishedRuns({ db }: Situation): Promise<StateAlert[]> {
  const scheduler = await findScheduler(db);
  if (!scheduler?.alertingSince) return [];
  const runs = await listRunsFinishedSince(db, scheduler.alertingSince);
  return runs.map(alertOfRun);
}

/**
 * A run whose failed users were retried finishes again. That is another event, so the key contains the number of
 * retries.
 */
function alertOfRun({ state, paymentDate, retries }: PaymentRun): StateAlert {
  if (state === "cancelled") return { key: `run-cancelled:${paymentDate}`, event: "run-cancelled", paymentDate };
  return { key: `run-finished:${paymentDate}:${retries}`, event: "run-finished", paymentDate };
}

async function missedDates(ctx: Situation, today: string): Promise<StateAlert[]> {
  const missed = await findMissedDates(ctx, ctx.policy);
  return missed.map((paymentDate) => ({
    key: `date-missed:${paymentDate}:${today}`,
    event: "date-missed",
    paymentDate,
  }));
}

async function overdueReview({ db, clock }: Situation, today: string): Promise<StateAlert[]> {
  const { reviewAlertDays } = await getSettings(db);
  if (reviewAlertDays === 0) return [];
  const since = new Date(clock().getTime() - reviewAlertDays * DAY_MS);
  if (!(await isReviewOverdue(db, since))) return [];
  return [{ key: `review-overdue:${today}`, event: "review-overdue", paymentDate: null }];
}
