import { OperationError } from "@cpa-payouts/core";
import { assertAnswers, assertMigrated, describeError, findScheduler } from "@cpa-payouts/db";
import { type Backend, nextDailyTick } from "@cpa-payouts/jobs";
import type { Context } from "./context.ts";
import { impatient } from "./impatient.ts";
import { findOverdueDates } from "./verify.ts";

export const checkStates = ["ok", "failed", "unknown"] as const;

/** What must be so for the next payment date to be paid. */
export const readinessChecks = ["database", "queue", "migrations", "scheduler", "last-tick", "payment-dates"] as const;
type CheckName = (typeof readinessChecks)[number];

export interface ReadinessCheck {
  readonly check: CheckName;
  /** `unknown` where it could not be looked at, because something before it failed. */
  readonly state: (typeof checkStates)[number];
  /** One line for a person. */
  readonly line: string;
}

/** Whether the installation is ready; the answer comes within three seconds, whatever hangs, in the order of {@link readinessChecks}. */
export type Readiness = () => Promise<readonly ReadinessCheck[]>;

export interface ReadinessOptions {
  readonly ctx: Context;
  readonly backend: Pick<Backend, "ping">;
  /** The folder of Drizzle's migrations. */
  readonly migrationsFolder: string;
}

/** Two of them may follow each other: a server is asked first, and then what it holds. */
const LIMIT_MS = 1_250;

/** The checks of an installation, and a line in the log whenever it becomes ready or stops being so. */
export function createReadiness({ ctx, backend, migrationsFolder }: ReadinessOptions): Readiness {
  const database = toCheck("database", () => checkDatabase(ctx));
  const queue = toCheck("queue", () => checkQueue(backend));
  const migrations = toCheck("migrations", () => checkMigrations(ctx, migrationsFolder));
  const scheduler = toCheck("scheduler", () => checkScheduler(ctx));
  const lastTick = toCheck("last-tick", () => checkLastTick(ctx));
  const paymentDates = toCheck("payment-dates", () => checkPaymentDates(ctx));
  const tell = teller(ctx);
  return async () => {
    const [databaseCheck, queueCheck] = await Promise.all([database.ask(), queue.ask()]);
    const others = await Promise.all([
      migrations.askAfter(databaseCheck),
      scheduler.askAfter(queueCheck),
      lastTick.askAfter(databaseCheck),
      paymentDates.askAfter(databaseCheck),
    ]);
    const checks = [databaseCheck, queueCheck, ...others];
    tell(checks);
    return checks;
  };
}

export function isReady(checks: readonly ReadinessCheck[]): boolean {
  return checks.every(({ state }) => state === "ok");
}

/** @param look answers with the line of what is well, and throws with the line of what is not */
function toCheck(check: CheckName, look: () => Promise<string>) {
  const lookBriefly = impatient(look, LIMIT_MS);
  const ask = async (): Promise<ReadinessCheck> => {
    try {
      return { check, state: "ok", line: await lookBriefly() };
    } catch (cause) {
      return { check, state: "failed", line: describeError(cause) };
    }
  };
  const askAfter = async (server: ReadinessCheck): Promise<ReadinessCheck> => {
    if (server.state === "ok") return ask();
    return { check, state: "unknown", line: `not looked at, since "${server.check}" failed` };
  };
  return { ask, askAfter };
}

/** Probes come without credentials and are told no details, so that the log must have them. */
function teller({ log }: Context): (checks: readonly ReadinessCheck[]) => void {
  let told = "";
  return (checks) => {
    const failed = checks.filter(({ state }) => state === "failed");
    const present = failed.map(({ check }) => check).join();
    if (present === told) return;
    told = present;
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

/** How long a worker may take to see to a tick that has just become due. */
const TICK_GRACE_MS = MINUTE_MS;

/** By the real clock, whatever is pretended: the queue knows no other. */
async function checkScheduler({ queues }: Context): Promise<string> {
  const next = await nextDailyTick(queues);
  if (!next)
    throw new OperationError("no daily tick is scheduled; a worker sets it up within half a minute: start one");
  if (next.getTime() < Date.now() - TICK_GRACE_MS)
    throw new OperationError(`the daily tick of ${next.toISOString()} waits for a worker: start one`);
  return `the next daily tick comes at ${next.toISOString()}`;
}

/** Ticks come every five minutes, and one a day at the least: two hours more for a day with a change of clocks. */
const LAST_TICK_MAX_MS = 26 * HOUR_MS;

async function checkLastTick({ db, clock }: Context): Promise<string> {
  const scheduler = await findScheduler(db);
  // Also in an installation that is a minute old: nobody would be paid, so that it is not ready.
  if (!scheduler) throw new OperationError("no tick has ever come; a worker makes the first one when it starts");
  const at = scheduler.lastTickAt.toISOString();
  if (clock().getTime() - scheduler.lastTickAt.getTime() > LAST_TICK_MAX_MS)
    throw new OperationError(`the last tick came at ${at}, more than 26 hours ago; see whether a worker runs`);
  return `the last tick came at ${at}`;
}

async function checkPaymentDates(ctx: Context): Promise<string> {
  const overdue = await findOverdueDates(ctx, ctx.policy);
  if (overdue.length === 0) return "no payment date is overdue";
  const [oldest] = overdue;
  throw new OperationError(
    `overdue without a run: ${overdue.join(", ")}; see whether a worker runs, or make up for it with "payouts run --date ${oldest}"`,
  );
}
