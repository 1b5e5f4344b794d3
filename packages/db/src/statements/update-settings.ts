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
 * Changes the settings that are given and keeps the others. Open runs keep the cooling-off that they were opened with.
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
  const { isChanged } = await rowOf(
    db,
    { isChanged: flag },
    sql`
    with before as (select * from settings for update), wanted as (
      select before.id, ${settingsAsJson("before")} as before,
        ${settingsAsJson("before")} || ${JSON.stringify(namedSettings(change))}::jsonb as after
      from before
    ), changed as (
      update settings s set ${settingAssignments(sql`w.after`)}, updated_at = ${instantParam(now)}, updated_by = ${actor}
      from wanted w
      where s.id = w.id and not (${isGuarded}::boolean and (w.before ->> 'twoPersonAboveCents') is not null
        and ${relaxesSettings(sql`w.before`, sql`w.after`)})
      returning s.id, w.before, w.after
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, 'settings.change', 'settings', before, after, ${requestParams(change)} from changed
    )
    select exists (select from changed) as is_changed`,
  );
  return isChanged ? "changed" : "needs-second-person";
}
