import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag } from "../decoders.ts";
import {
  namedSettings,
  relaxesSettings,
  type SettingValues,
  settingAssignments,
  settingsAsJson,
} from "../setting-columns.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export interface SettingsChange extends AuditContext, SettingValues {
  readonly now: Date;
}

/**
 * Changes the settings that are given and keeps the others. Open runs keep the cooling-off that they were opened with. What
 * changes nothing has no audit row.
 *
 * @param options.isGuarded whether a change that relaxes a setting is refused while the two-person rule is on
 * @returns `needs-second-person` when the change was refused for that, as a whole
 * @throws the database's error for a number that is out of range
 */
export async function updateSettings(
  db: Db,
  change: SettingsChange,
  { isGuarded = false }: { isGuarded?: boolean } = {},
): Promise<"changed" | "needs-second-person"> {
  const { actor, now } = change;
  const { isHeld } = await rowOf(
    db,
    { isHeld: flag },
    sql`
    with before as (select * from settings for update), wanted as (
      select before.id, ${settingsAsJson("before")} as before,
        ${settingsAsJson("before")} || ${JSON.stringify(namedSettings(change))}::jsonb as after
      from before
    ), held as (
      select from wanted w where ${isGuarded}::boolean and (w.before ->> 'twoPersonAboveCents') is not null
        and ${relaxesSettings(sql`w.before`, sql`w.after`)}
    ), changed as (
      update settings s set ${settingAssignments(sql`w.after`)}, updated_at = ${instantParam(now)}, updated_by = ${actor}
      from wanted w
      where s.id = w.id and w.after <> w.before and not exists (select from held)
      returning s.id, w.before, w.after
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, 'settings.change', 'settings', before, after, ${requestParams(change)} from changed
    )
    select exists (select from held) as is_held`,
  );
  return isHeld ? "needs-second-person" : "changed";
}
