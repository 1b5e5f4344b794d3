import { alertKeyPrefix } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

/**
 * Begins the wait of the guarded changes of which people have been informed: those whose alert was raised. Without a channel for
 * alerts no message is sent, and the list of changes is the only announcement.
 *
 * @returns the ids of the changes whose wait begins
 */
export async function announceChanges(
  db: Db,
  { isAlerting, now }: { isAlerting: boolean; now: Date },
): Promise<number[]> {
  const announced = await rowsOf(
    db,
    { id },
    sql`
    with unannounced as (
      select g.id from guarded_changes g
      where g.status = 'waiting' and g.announced_at is null
        and (not ${isAlerting}::boolean or exists (select from alerts a where a.key = ${alertKeyPrefix("change-waits")} || g.id))
      order by g.id for update
    )
    update guarded_changes g set announced_at = ${instantParam(now)} from unannounced u where g.id = u.id returning g.id`,
  );
  return announced.map((change) => change.id);
}
