import {
  type AlertChannel,
  type AlertEvent,
  alertChannels,
  alertEvents,
  localDateAt,
  type RunState,
} from "@cpa-payouts/core";
import {
  type AlertCandidate,
  announceChanges,
  type EntryEvent,
  findScheduler,
  getSettings,
  insertAlerts,
  isReviewOverdue,
  listOpenDeliveries,
  listRunsFinishedSince,
  type OpenDelivery,
  type PaymentRun,
} from "@cpa-payouts/db";
import { findChangesOfAccess, findWaitingChanges } from "./access-alerts.ts";
import type { Context } from "./context.ts";
import type { SeparateSteps } from "./separate-steps.ts";
import { findFailedSignIns, findSignInsFromNewAddresses } from "./sign-in-alerts.ts";
import { findMissedDates } from "./verify.ts";
import { MOST, type Situation, type WrittenAlert, type WrittenEvent } from "./written-alert.ts";

const DAY_MS = 86_400_000;

/**
 * The deliveries of one channel and rank that a tick queues; the next one queues the rest. As many as it raises alerts of
 * changes that wait: the wait of a change begins with that tick, so its alert must not be left for a later one.
 */
const PAGE = MOST;

/** Retries are counted up to here; more than an alert that is never reopened has, and fewer than {@link RANK_STEP}. */
const MOST_ATTEMPTS = 50;
/** Between the priorities of two ranks, so that no number of attempts makes a rank give way to the next one. */
const RANK_STEP = 100;

/** An alert whose text is composed when it is sent. */
interface StateAlert extends AlertCandidate {
  readonly event: Exclude<AlertCandidate["event"], WrittenEvent>;
}
export type FoundAlert = StateAlert | WrittenAlert;

/** The names of the configured channels. */
export function channelsOf({ alerts }: Pick<Context, "alerts">): AlertChannel[] {
  return alertChannels.filter((name) => alerts.channels[name]);
}

/**
 * Raises the alerts that the state of the database calls for, begins the wait of the guarded changes that are announced by them,
 * and queues open deliveries that are not queued. Without a channel only the waits begin. Level-triggered: if a process dies
 * between the end of a run and its alert, or the queue loses its data, the alert is delayed until the next tick but not lost.
 *
 * @param steps an event that cannot be looked up, and anything else that fails, is a failed step and stops nothing else
 */
export async function raiseAlerts(ctx: Context, steps: SeparateSteps): Promise<void> {
  const channels = channelsOf(ctx);
  const isAlerting = channels.length > 0;
  if (isAlerting) await insertFound(ctx, steps, channels);
  await steps.run("announce-changes", () => announce(ctx, isAlerting));
  if (isAlerting) await steps.run("queue-deliveries", () => queueDeliveries(ctx, channels));
}

async function insertFound(ctx: Context, steps: SeparateSteps, channels: readonly AlertChannel[]): Promise<void> {
  const candidates: AlertCandidate[] = [];
  for (const event of alertEvents)
    candidates.push(...((await steps.run(`find-alerts ${event}`, () => findAlerts(ctx, event))) ?? []));
  await steps.run("insert-alerts", () => insertCandidates(ctx, candidates, channels));
}

async function announce({ db, clock, log }: Context, isAlerting: boolean): Promise<void> {
  for (const changeId of await announceChanges(db, { isAlerting, now: clock() }))
    log.info({ changeId }, "change.announced");
}

async function insertCandidates(
  ctx: Context,
  candidates: readonly AlertCandidate[],
  channels: readonly AlertChannel[],
): Promise<void> {
  const raised = await insertAlerts(ctx.db, { candidates, channels, now: ctx.clock() });
  for (const { alertId, event } of raised) ctx.log.info({ alertId, alert: event }, "alert.raised");
}

async function queueDeliveries({ db, queues }: Context, channels: readonly AlertChannel[]): Promise<void> {
  const open = await listOpenDeliveries(db, channels, PAGE);
  const priorities = new Map(open.map((delivery) => [delivery.id, priorityOf(delivery)]));
  await queues.ensureQueued(
    "send-alert",
    open.map(({ id }) => ({ deliveryId: id })),
    ({ deliveryId }) => priorities.get(deliveryId) ?? 0,
  );
}

/** Workers take jobs with a lower number first. Each attempt that fails adds one (`worker.ts` of the queue). */
function priorityOf({ rank, attempts }: OpenDelivery): number {
  return rank * RANK_STEP + Math.min(attempts, MOST_ATTEMPTS);
}

/**
 * What calls for an alert of an event now; some of it may have been raised before. The key of a condition that lasts
 * contains the local day: its alert is raised again every day until the condition ends.
 */
async function findAlerts(ctx: Situation, event: AlertEvent, key?: string): Promise<readonly FoundAlert[]> {
  const today = localDateAt(ctx.clock(), ctx.policy.schedule.timeZone);
  return finders[event](ctx, today, key);
}

/** The alert of a key, if what called for it still does; null otherwise. */
export async function findAlert(
  ctx: Situation,
  { event, key }: { readonly event: AlertEvent; readonly key: string },
): Promise<FoundAlert | null> {
  return (await findAlerts(ctx, event, key)).find((alert) => alert.key === key) ?? null;
}

/** With a key a finder may find that alert only. Without one it may leave out what was raised before. */
type Finder = (ctx: Situation, today: string, key?: string) => Promise<readonly FoundAlert[]>;

const finders: Readonly<Record<AlertEvent, Finder>> = {
  "run-finished": (ctx) => finishedRuns(ctx, "completed"),
  "run-cancelled": (ctx) => finishedRuns(ctx, "cancelled"),
  "date-missed": missedDates,
  "review-overdue": overdueReview,
  "tick-failed": failingTicks,
  "sign-ins-failed": findFailedSignIns,
  "sign-in-from-new-address": (ctx, _today, key) => findSignInsFromNewAddresses(ctx, key),
  "change-waits": (ctx, _today, key) => findWaitingChanges(ctx, key),
  "admin-created": ofEntries("admin-created"),
  "admin-changed": ofEntries("admin-changed"),
  "credentials-changed": ofEntries("credentials-changed"),
  "rule-relaxed": ofEntries("rule-relaxed"),
  "token-created": ofEntries("token-created"),
};

function ofEntries(event: EntryEvent): Finder {
  return (ctx, _today, key) => findChangesOfAccess(ctx, event, key);
}

async function finishedRuns({ db }: Situation, state: RunState): Promise<StateAlert[]> {
  const scheduler = await findScheduler(db);
  if (!scheduler?.alertingSince) return [];
  const runs = await listRunsFinishedSince(db, scheduler.alertingSince);
  return runs.filter((run) => run.state === state).map(alertOfRun);
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

async function failingTicks({ db }: Situation, today: string): Promise<StateAlert[]> {
  const scheduler = await findScheduler(db);
  if (!scheduler?.failingSince) return [];
  return [{ key: `tick-failed:${today}`, event: "tick-failed", paymentDate: null }];
}
