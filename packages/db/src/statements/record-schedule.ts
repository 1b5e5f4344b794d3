import type { LocalDate, Schedule } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { date, nullable, oneOf, text } from "../decoders.ts";
import { instantParam, rowOf } from "../sql.ts";

/**
 * - `first`: no schedule was stored before
 * - `unchanged`: the stored schedule
 * - `changed`: another schedule, which is stored now
 * - `disputed`: the schedule before the stored one, while other ticks follow the stored one; nothing but the time is stored
 */
const verdicts = ["first", "unchanged", "changed", "disputed"] as const;

export interface RecordedSchedule {
  readonly verdict: (typeof verdicts)[number];
  /** The schedule that was stored before; null for `first`. */
  readonly before: Schedule | null;
  /** The first local date that is run automatically. */
  readonly liveFrom: LocalDate;
}

/** Ticks come every five minutes. Two schedules of which ticks followed both within this time are in use side by side. */
const IN_USE = sql`interval '1 hour'`;

/**
 * Records the schedule that a tick follows, after `recordTick`. A schedule that differs from the stored one replaces it,
 * with a row in the audit log. Workers with two schedules would replace each other's for ever; so a tick that follows the
 * schedule before the stored one is `disputed`, until no tick has followed one of the two for an hour.
 *
 * @param liveFrom stored if there is no such date yet, see `firstLiveDate` in core
 * @throws Error before the first tick
 */
export async function recordSchedule(
  db: Db,
  input: { schedule: Schedule; liveFrom: LocalDate; actor: string; now: Date },
): Promise<RecordedSchedule> {
  const { pattern, timeZone, ...recorded } = await rowOf(
    db,
    { verdict: oneOf(verdicts), liveFrom: date, pattern: nullable(text), timeZone: nullable(text) },
    sql`
    with present as (
      select * from scheduler for no key update
    ), judged as (
      select present.*, ${verdictOn(input)} as verdict from present
    ), recorded as (
      update scheduler s set live_from = coalesce(j.live_from, ${input.liveFrom}::date), ${followed(input)}
      from judged j where s.id = j.id
      returning s.live_from, j.verdict, j.schedule_pattern as pattern, j.schedule_time_zone as time_zone
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after)
      select ${instantParam(input.now)}, ${input.actor}, 'schedule.change', 'schedule',
        jsonb_build_object('tickCron', pattern, 'timeZone', time_zone),
        jsonb_build_object('tickCron', ${input.schedule.pattern}::text, 'timeZone', ${input.schedule.timeZone}::text)
      from recorded where verdict = 'changed'
    )
    select * from recorded`,
  );
  const before = pattern !== null && timeZone !== null ? { pattern, timeZone } : null;
  return { ...recorded, before };
}

function verdictOn({ schedule: { pattern, timeZone }, now }: { schedule: Schedule; now: Date }): SQL {
  const since = sql`${instantParam(now)} - ${IN_USE}`;
  return sql`case
    when schedule_pattern is null then 'first'
    when (schedule_pattern, schedule_time_zone) = (${pattern}, ${timeZone}) then 'unchanged'
    when (past_pattern, past_time_zone) = (${pattern}, ${timeZone}) and past_seen_at > ${since} and schedule_seen_at > ${since}
      then 'disputed'
    else 'changed'
  end`;
}

/**
 * The columns of the schedule and of the one before, by the verdict. All values are those of the locked row `j`: after a wait
 * for another tick, the row `s` is first seen as it was before that tick, and PostgreSQL tests the CHECKs with that mixture
 * before it reads the row again. A clock that is behind sets nothing back.
 */
function followed({ schedule: { pattern, timeZone }, now }: { schedule: Schedule; now: Date }): SQL {
  const replaces = sql`j.verdict in ('first', 'changed')`;
  const at = instantParam(now);
  return sql`
    schedule_pattern = case when ${replaces} then ${pattern} else j.schedule_pattern end,
    schedule_time_zone = case when ${replaces} then ${timeZone} else j.schedule_time_zone end,
    schedule_since = case when ${replaces} then ${at} else j.schedule_since end,
    schedule_seen_at = case
      when ${replaces} then ${at}
      when j.verdict = 'unchanged' then greatest(j.schedule_seen_at, ${at})
      else j.schedule_seen_at end,
    past_pattern = case when j.verdict = 'changed' then j.schedule_pattern else j.past_pattern end,
    past_time_zone = case when j.verdict = 'changed' then j.schedule_time_zone else j.past_time_zone end,
    past_seen_at = case
      when j.verdict = 'changed' then j.schedule_seen_at
      when j.verdict = 'disputed' then greatest(j.past_seen_at, ${at})
      else j.past_seen_at end`;
}
