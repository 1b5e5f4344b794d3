import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, instant, nullable } from "../decoders.ts";
import { instantParam, rowOf } from "../sql.ts";

/** A limit of tries within a window, and what it counts. */
export interface TryCounter {
  readonly key: string;
  /** The e-mail whose tries are counted; null when those of an address are counted. */
  readonly account: string | null;
  /** The tries that are admitted within a window. */
  readonly limit: number;
  /** The length of a new window in milliseconds. */
  readonly windowMs: number;
}

/**
 * Counts one try by several counters before it is made, unless one of them has reached its limit: a refused try writes
 * nothing. Tries at the same moment are all counted, across processes.
 *
 * @returns null when the try is admitted; otherwise when it may be repeated
 */
export async function countTries(db: Db, counters: readonly TryCounter[], now: Date): Promise<Date | null> {
  const wanted = counters.map(({ windowMs, ...counter }) => ({
    ...counter,
    endsAt: new Date(now.getTime() + windowMs).toISOString(),
  }));
  const { isAdmitted, refusedUntil } = await rowOf(
    db,
    { isAdmitted: flag, refusedUntil: nullable(instant) },
    sql`
    with wanted as (
      select * from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
        as w (key text, account text, "limit" int, "endsAt" timestamptz)
    ), refusing as (
      select t.window_ends_at from wanted w join throttles t on t.key = w.key
      where t.window_ends_at > ${instantParam(now)} and t.tries >= w."limit"
    ), counted as (
      -- In key order, so that two tries do not wait for each other's rows. A row that another try has filled since the
      -- statement began is not returned.
      insert into throttles as t (key, account, tries, window_ends_at)
      select w.key, w.account, 1, w."endsAt" from wanted w where not exists (select from refusing) order by w.key
      on conflict (key) do update set
        tries = case when t.window_ends_at > ${instantParam(now)} then t.tries + 1 else 1 end,
        window_ends_at = case when t.window_ends_at > ${instantParam(now)} then t.window_ends_at else excluded.window_ends_at end
      where t.window_ends_at <= ${instantParam(now)} or t.tries < (select w."limit" from wanted w where w.key = t.key)
      returning t.key
    )
    select (select count(*) from counted) = (select count(*) from wanted) as is_admitted,
      (select max(window_ends_at) from refusing) as refused_until`,
  );
  return isAdmitted ? null : (refusedUntil ?? now);
}
