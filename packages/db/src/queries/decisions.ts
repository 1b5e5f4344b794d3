import type { Order, Outcome, PaymentDate, RuleReason, SkipReason } from "@cpa-payouts/core";
import { and, asc, eq, gt, lte, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { skipReason, skipReasonsOf } from "../decision-rule.ts";
import { runDecisions, users } from "../schema/index.ts";
import { arrayParam, instantParam, requestParams, rowOf, rowsOf } from "../sql.ts";

/** The decisions of a run: numbers of users by outcome, and the sum of the invoices in cents. */
export interface DecisionTotals {
  readonly considered: number;
  /** Still to be invoiced. */
  readonly open: number;
  readonly invoiced: number;
  readonly failed: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  readonly totalCents: bigint;
}

/**
 * What the rule reads of a user, for a statement that calls the table of users `u`. The method is read by a scalar
 * subquery, which always looks it up by key; for a join the planner may read all methods for every chunk.
 */
const userColumns = {
  status: sql`u.status`,
  balanceCents: sql`u.balance_cents`,
  approvedMethod: sql`(select m.id from payment_methods m where m.user_id = u.id and m.status = 'approved')`,
  earlierInvoices: sql`u.previous_invoices + u.invoice_count`,
  userId: sql`u.id`,
};

const decideReason = skipReason({
  ...userColumns,
  kind: sql`(select kind from run)`,
  minimumBalanceCents: sql`(select minimum_balance_cents from run)`,
  coolingOffDays: sql`(select cooling_off_days from run)`,
  since: sql`(select opened_at from run)`,
});

/**
 * Freezes the decisions of the next `limit` users with a balance above zero, in key order, and moves the run's cursor. The
 * last chunk moves the run on to `fanning-out`. Everything is one statement under the run's row lock: two deciders take
 * turns, and after a crash the run resumes after the last chunk.
 *
 * @returns the number of users decided, and whether that was the last chunk (also true when the run is past deciding)
 */
export async function decideChunk(
  db: Db,
  { runId, limit, now }: { runId: number; limit: number; now: Date },
): Promise<{ decided: number; finished: boolean }> {
  // The cursor is read by a scalar subquery, not by a join. Only then does the planner walk the primary key from the
  // cursor and stop at the limit, instead of sorting all users for every chunk.
  const [row] = await rowsOf<{ decided: number; finished: boolean }>(
    db,
    sql`
    with run as (
      select id, payment_date, kind, minimum_balance_cents, cooling_off_days, opened_at, decide_cursor
      from payment_runs where id = ${runId} and state = 'deciding' for update
    ), chunk as (
      select u.id as user_id, u.balance_cents, ${decideReason} as reason
      from users u
      where u.id > (select decide_cursor from run) and u.balance_cents > 0
      order by u.id limit ${limit}
    ), decided as (
      insert into run_decisions (run_id, user_id, decision, reason, balance_cents, outcome, settled_at)
      select run.id, user_id, case when reason is null then 'pay' else 'skip' end, reason, balance_cents,
        case when reason is null then 'open' else 'skipped' end,
        case when reason is not null then ${instantParam(now)} end
      from run, chunk
    ), progress as (
      select count(*)::int as decided, max(user_id) as last, count(*) < ${limit} as finished from chunk
    ), moved as (
      update payment_runs r set
        decide_cursor = coalesce(last, r.decide_cursor),
        state = case when finished then 'fanning-out' else r.state end,
        decided_at = case when finished then ${instantParam(now)} end
      from run, progress where r.id = run.id
      returning r.payment_date, progress.decided, progress.finished
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after)
      select ${instantParam(now)}, 'system', 'run.decide', 'run:' || payment_date, '{"state":"deciding"}', '{"state":"fanning-out"}'
      from moved where finished
    )
    select decided, finished from moved`,
  );
  return row ?? { decided: 0, finished: true };
}

/**
 * The totals that a run of a date would have if it decided now, by the run's own rule. `invoiced` counts the users to be
 * paid, `totalCents` is their sum. Writes nothing.
 */
export async function previewDecisions(
  db: Db,
  { date, minimumBalanceCents, now }: { date: PaymentDate; minimumBalanceCents: bigint; now: Date },
): Promise<DecisionTotals> {
  const rows = await rowsOf<{ reason: SkipReason | null; users: number; total: bigint }>(
    db,
    sql`
    with run as (
      select ${date.kind}::text as kind, ${minimumBalanceCents}::bigint as minimum_balance_cents, cooling_off_days,
        ${instantParam(now)} as opened_at
      from settings
    ),
    judged as (
      select u.balance_cents, ${decideReason} as reason
      from users u
      where u.balance_cents > 0
    )
    select reason, count(*)::int as users, sum(balance_cents)::bigint as total from judged group by reason`,
  );
  const paid = rows.find(({ reason }) => reason === null);
  return {
    considered: rows.reduce((sum, row) => sum + row.users, 0),
    open: 0,
    invoiced: paid?.users ?? 0,
    failed: 0,
    skipped: Object.fromEntries(rows.flatMap(({ reason, users }) => (reason ? [[reason, users]] : []))),
    totalCents: paid?.total ?? 0n,
  };
}

/**
 * All reasons for which a run would skip a user, whatever the balance, by the run's own rule. A decision stores only the
 * first of them. Writes nothing.
 *
 * @returns the reasons in the order in which a run tests them; empty for a user to pay
 * @throws Error for an unknown user
 */
export async function findSkipReasons(
  db: Db,
  run: {
    readonly userId: number;
    readonly kind: PaymentDate["kind"];
    readonly minimumBalanceCents: bigint;
    readonly coolingOffDays: number;
    /** The instant from which the days of the cooling-off are counted back: that of the run's opening. */
    readonly since: Date;
  },
): Promise<readonly RuleReason[]> {
  const reasons = skipReasonsOf({
    ...userColumns,
    kind: sql`${run.kind}::text`,
    minimumBalanceCents: sql`${run.minimumBalanceCents}::bigint`,
    coolingOffDays: sql`${run.coolingOffDays}::int`,
    since: instantParam(run.since),
  });
  const row = await rowOf<{ reasons: RuleReason[] }>(
    db,
    sql`select ${reasons} as reasons from users u where u.id = ${run.userId}`,
  );
  return row.reasons;
}

/** The number of open decisions of a run, up to and including a user id if given. Scans an index of the open ones only. */
export async function countOpenDecisions(db: Db, runId: number, upToUserId?: number): Promise<number> {
  return db.$count(
    runDecisions,
    and(
      eq(runDecisions.runId, runId),
      eq(runDecisions.outcome, "open"),
      upToUserId === undefined ? undefined : lte(runDecisions.userId, upToUserId),
    ),
  );
}

/** A page of the ids of users whose decision is open, in key order: above `afterUserId`, up to and including `upToUserId`. */
export async function openDecisionsPage(
  db: Db,
  page: { runId: number; afterUserId: number; upToUserId?: number; limit: number },
): Promise<number[]> {
  const rows = await db
    .select({ userId: runDecisions.userId })
    .from(runDecisions)
    .where(
      and(
        eq(runDecisions.runId, page.runId),
        eq(runDecisions.outcome, "open"),
        gt(runDecisions.userId, page.afterUserId),
        page.upToUserId === undefined ? undefined : lte(runDecisions.userId, page.upToUserId),
      ),
    )
    .orderBy(asc(runDecisions.userId))
    .limit(page.limit);
  return rows.map(({ userId }) => userId);
}

/**
 * Records that a user's job gave up. The run can then close without this user, and the reason is stored.
 *
 * @returns false when the decision was settled in the meantime
 */
export async function recordFailure(
  db: Db,
  failure: { runId: number; userId: number; error: string; now: Date },
): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with failed as (
      update run_decisions set outcome = 'failed', error = ${failure.error}, settled_at = ${instantParam(failure.now)}
      where run_id = ${failure.runId} and user_id = ${failure.userId} and outcome = 'open'
      returning user_id, run_id
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after)
      select ${instantParam(failure.now)}, 'system', 'decision.fail', 'user:' || user_id, ${failure.error},
        jsonb_build_object('run', run_id, 'outcome', 'open'), jsonb_build_object('run', run_id, 'outcome', 'failed')
      from failed
    )
    select user_id from failed`,
  );
  return rows.length > 0;
}

/**
 * Reopens the failed decisions of a run and, if there were any, moves a completed run back to `processing`. The run's
 * `retries` is incremented, so a closing that read the run before cannot take effect afterwards.
 *
 * @returns the ids of the users whose decision is open again, in key order
 */
export async function reopenFailed(db: Db, retry: Order & { runId: number; now: Date }): Promise<readonly number[]> {
  const rows = await rowsOf<{ user_id: bigint }>(
    db,
    sql`
    with run as (
      select id, payment_date, state from payment_runs
      where id = ${retry.runId} and state in ('fanning-out', 'processing', 'completed') for update
    ), reopened as (
      update run_decisions d set outcome = 'open', error = null, settled_at = null
      from run where d.run_id = run.id and d.outcome = 'failed'
      returning d.user_id
    ), moved as (
      update payment_runs r set
        state = case when r.state = 'fanning-out' then r.state else 'processing' end,
        completed_at = null, retries = r.retries + 1
      from run where r.id = run.id and exists (select from reopened)
      returning r.payment_date, run.state as before, r.state as after
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(retry.now)}, ${retry.actor}, 'run.retry', 'run:' || payment_date,
        jsonb_build_object('state', before), jsonb_build_object('state', after, 'reopened', (select count(*) from reopened)),
        ${requestParams(retry)}
      from moved
    )
    select user_id from reopened order by user_id`,
  );
  return rows.map((row) => Number(row.user_id));
}

export interface SettledDecision {
  readonly userId: number;
  readonly outcome: Outcome;
  readonly reason: SkipReason | null;
}

/** The outcomes of some users in a run. Users whom the run did not consider are absent. */
export async function findOutcomes(db: Db, runId: number, userIds: readonly number[]): Promise<SettledDecision[]> {
  return db
    .select({ userId: runDecisions.userId, outcome: runDecisions.outcome, reason: runDecisions.reason })
    .from(runDecisions)
    .where(and(eq(runDecisions.runId, runId), sql`${runDecisions.userId} = any(${arrayParam(userIds, "bigint")})`));
}

/** The number of users with a balance above zero: as many as a run opened now would consider. */
export async function countUsersOwed(db: Db): Promise<number> {
  return db.$count(users, gt(users.balanceCents, 0n));
}
