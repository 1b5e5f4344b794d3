import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";
import type { TryCounter } from "./count-tries.ts";

/**
 * Takes back what `countTries` counted at an instant. A window that began later does not contain that try, and is left
 * as it is.
 */
export async function giveBackTries(db: Db, counters: readonly TryCounter[], countedAt: Date): Promise<void> {
  const counted = counters.map(({ key, windowMs }) => ({
    key,
    endsBy: new Date(countedAt.getTime() + windowMs).toISOString(),
  }));
  await execute(
    db,
    sql`
    with counted as (
      -- In key order, so that two tries do not wait for each other's rows.
      select t.key from throttles t
      join jsonb_to_recordset(${JSON.stringify(counted)}::jsonb) as c (key text, "endsBy" timestamptz) on c.key = t.key
      where t.window_ends_at > ${instantParam(countedAt)} and t.window_ends_at <= c."endsBy"
      order by t.key for no key update of t
    )
    update throttles t set tries = t.tries - 1 from counted c where t.key = c.key and t.tries > 0`,
  );
}
