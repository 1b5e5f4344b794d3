import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instant, integer } from "../decoders.ts";
import { instantParam, rowOf } from "../sql.ts";

/**
 * Counts an attempt before it is made, so that attempts at the same moment are all counted, across processes.
 *
 * @param windowMs length of a new window, in milliseconds
 * @returns the number of attempts in the present window, this one included, and when that window ends
 */
export async function countTry(
  db: Db,
  { key, windowMs, now }: { key: string; windowMs: number; now: Date },
): Promise<{ tries: number; windowEndsAt: Date }> {
  const endsAt = new Date(now.getTime() + windowMs);
  return rowOf(
    db,
    { tries: integer, windowEndsAt: instant },
    sql`
    insert into throttles as t (key, tries, window_ends_at) values (${key}, 1, ${instantParam(endsAt)})
    on conflict (key) do update set
      tries = case when t.window_ends_at > ${instantParam(now)} then t.tries + 1 else 1 end,
      window_ends_at = case when t.window_ends_at > ${instantParam(now)} then t.window_ends_at else excluded.window_ends_at end
    returning tries, window_ends_at`,
  );
}
