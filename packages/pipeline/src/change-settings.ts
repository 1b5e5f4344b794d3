import type { AuditContext } from "@cpa-payouts/core";
import {
  getSettings,
  type HeldChange,
  holdChange,
  namedSettings,
  type Settings,
  type SettingValues,
  updateSettings,
} from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/**
 * Changes the settings that are given and keeps the others. Open runs keep the cooling-off that they were opened with. While
 * the two-person rule is on, a change that relaxes any setting waits as a whole for a second person.
 *
 * @param input.requestedBy the id of the administrator who requests it; with null the change is made at once
 * @returns the settings that apply now, or the change that waits
 */
export async function changeSettings(
  ctx: DataContext,
  { values, requestedBy, ...audit }: AuditContext & { values: SettingValues; requestedBy: number | null },
): Promise<{ readonly status: "changed"; readonly settings: Settings } | HeldChange> {
  const now = ctx.clock();
  const wanted = namedSettings(values);
  const outcome = await updateSettings(ctx.db, { ...audit, ...values, now }, { isGuarded: requestedBy !== null });
  if (outcome === "needs-second-person" && requestedBy !== null) {
    const request = { ...audit, kind: "settings", object: "settings", wanted, requestedBy, now } as const;
    const held = await holdChange(ctx.db, request);
    if (held.status === "held") ctx.log.info({ changeId: held.change.id, kind: "settings" }, "change.held");
    return held;
  }
  ctx.log.info({ changed: Object.keys(wanted) }, "settings.changed");
  return { status: "changed", settings: await getSettings(ctx.db) };
}
