import { describeSchedule, OperationError } from "@cpa-payouts/core";
import { assertAnswers, assertMigrated, describeError, findScheduler, type SchedulerState } from "@cpa-payouts/db";
import { type Backend, nextDailyTick } from "@cpa-payouts/jobs";
import type { Context } from "./context.ts";
import { isDisputed } from "./follow-schedule.ts";
import { findOverdueDates } from "./verify.ts";
import { withTimeout } from "./with-timeout.ts";

export const checkStates = ["ok", "failed", "unknown"] as const;

/** The checks that must pass for the next payment date to be paid. */
export const readinessChecks = ["database", "queue", "migrations", "scheduler", "last-tick", "payment-dates"] as const;
type CheckName = (typeof readinessChecks)[number];

export interface ReadinessCheck {
  readonly check: CheckName;
  /** `unknown`: not checked, because the server that it needs failed its own check. */
  readonly state: (typeof checkStates)[number];
  /** What was found, in one line. */
  readonly line: string;
}

/**
 * Runs the checks, in the order of {@link readinessChecks}. Resolves within three seconds, even when a server hangs.
 */
export type Readiness = () => Promise<readonly ReadinessCheck[]>;

export interface ReadinessOptions {
  readonly ctx: Context;
  readonly backend: Pick<Backend, "ping">;
  /** The folder of Drizzle's migrations. */
  readonly migrationsFolder: string;
}

/** The limit of one check. Two may run in sequence: whether a server answers, then what is stored in it. */
const LIMIT_MS = 1_250;

/**
 * Creates the checks of an installation. They log a line whenever the failed checks change (`readiness.lost`,
 * `readiness.regained`).
 */
export function createReadiness({ ctx, backend, migrationsFolder }: ReadinessOptions): Readiness {
  const database = toCheck("database", () => checkDatabase(ctx));
  const queue = toCheck("queue", () => checkQueue(backend));
  const migrations = toCheck("migrations", () => checkMigrations(ctx, migrationsFolder));
  const scheduler = toCheck("scheduler", () => checkScheduler(ctx));
  const lastTick = toCheck("last-tick", () => checkLastTick(ctx));
  const paymentDates = toCheck("payment-dates", () => checkPaymentDates(ctx));
  const logChange = changeLogger(ctx);
  return async () => {
    const [databaseCheck, queueCheck] = await Promise.all([database.ask(), queue.ask()]);
    const others = await Promise.all([
      migrations.askAfter(databaseCheck),
      scheduler.askAfter(queueCheck),
      lastTick.askAfter(databaseCheck),
      paymentDates.askAfter(databaseCheck),
    ]);
    const checks = [databaseCheck, queueCheck, ...others];
    logChange(checks);
    return checks;
  };
}

/** Whether every check passed. */
export function isReady(checks: readonly ReadinessCheck[]): boolean {
  return checks.every(({ state }) => state === "ok");
}

/** @param look returns the line of a passed check, or throws an error with the line of a failed one */
function toCheck(check: CheckName, look: () => Promise<string>) {
  const lookWithTimeout = withTimeout(look, LIMIT_MS);
  const ask = async (): Promise<ReadinessCheck> => {
    try {
      return { check, state: "ok", line: await lookWithTimeout() };
    } catch (cause) {
      return { check, state: "failed", line: describeError(cause) };
    }
  };
  const askAfter = async (server: ReadinessCheck): Promise<ReadinessCheck> => {
    if (server.state === "ok") return ask();
    return { check, state: "unknown", line: `not checked, since "${server.check}" failed` };
  };
  return { ask, askAfter };
}

/** Logs the failed checks when they change: probes have no credentials, so the responses to them hold no details. */
function changeLogger({ log }: Context): (checks: readonly ReadinessCheck[]) => void {
  let logged = "";
  return (checks) => {
    const failed = checks.filter(({ state }) => state === "failed");
    const present = failed.map(({ check }) => check).join();
    if (present === logged) return;
    logged = present;
    if (present === "") log.info({}, "readiness.regained");
    else log.warn({ checks: failed.map(({ check, line }) => `${check}: ${line}`) }, "readiness.lost");
  };
}

async function checkDatabase({ db }: Context): Promise<string> {
  await assertAnswers(db);
  return "the database answers";
}

async function checkQueue(backend: Pick<Backend, "ping">): Promise<string> {
  await backend.ping();
  return "the queue answers";
}

async function checkMigrations({ db }: Context, folder: string): Promise<string> {
  await assertMigrated(db, folder);
  return "the database has every migration";
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How long a worker may take to start a tick that has become due. */
const TICK_GRACE_MS = MINUTE_MS;

/** Compares with the real time even if `--now` simulates another, because the queue schedules by the real time. */
async function checkScheduler({ queues }: Context): Promise<string> {
  const next = await nextDailyTick(queues);
  if (!next)
    throw new OperationError("no daily tick is scheduled; a worker sets it up within half a minute: start one");
  if (next.getTime() < Date.now() - TICK_GRACE_MS)
    throw new OperationError(`the daily tick of ${next.toISOString()} waits for a worker: start one`);
  return `the next daily tick comes at ${next.toISOString()}`;
}

/** Ticks come every five minutes, and at least one a day; two more hours allow for a day with a change of clocks. */
const LAST_TICK_MAX_MS = 26 * HOUR_MS;

/** Three ticks. Each has a deadline of two minutes: if none of them came to its end, they hang, or their processes die. */
const UNFINISHED_MAX_MS = 15 * MINUTE_MS;

async function checkLastTick({ db, clock }: Context): Promise<string> {
  const scheduler = await findScheduler(db);
  // A new installation without a tick is not ready either: no user would be paid.
  if (!scheduler) throw new OperationError("there has been no tick yet; a worker makes the first one when it starts");
  const at = scheduler.lastTickAt.toISOString();
  if (clock().getTime() - scheduler.lastTickAt.getTime() > LAST_TICK_MAX_MS)
    throw new OperationError(`the last tick came at ${at}, more than 26 hours ago; see whether a worker runs`);
  assertTicksSucceed(scheduler, clock());
  assertOneSchedule(scheduler, clock());
  return `the last tick came at ${at}`;
}

function assertOneSchedule(scheduler: SchedulerState, now: Date): void {
  const { schedule, pastSchedule } = scheduler;
  if (!schedule || !pastSchedule || !isDisputed(scheduler, now)) return;
  throw new OperationError(
    `ticks of the last hour followed ${describeSchedule(schedule)} and ${describeSchedule(pastSchedule)}; ` +
      "give all workers the same PAYMENT_TIME_ZONE and PAYMENT_TICK_CRON",
  );
}

/** Fails for any step, also for one that only raises alerts, since people would not learn of the next problem. */
function assertTicksSucceed({ unfinishedSince, failingSince, failedSteps, failure }: SchedulerState, now: Date): void {
  if (failingSince)
    throw new OperationError(`ticks have failed since ${failingSince.toISOString()}, at ${failedSteps}: ${failure}`);
  if (unfinishedSince && now.getTime() - unfinishedSince.getTime() > UNFINISHED_MAX_MS)
    throw new OperationError(
      `no tick has come to its end since ${unfinishedSince.toISOString()}; see the log of the workers`,
    );
}

async function checkPaymentDates(ctx: Context): Promise<string> {
  const overdue = await findOverdueDates(ctx, ctx.policy);
  if (overdue.length === 0) return "no payment date is overdue";
  const [oldest] = overdue;
  throw new OperationError(
    `overdue without a run: ${overdue.join(", ")}; see whether a worker runs, or make up for it with "payouts run --date ${oldest}"`,
  );
}
