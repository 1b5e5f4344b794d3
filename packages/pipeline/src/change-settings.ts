import { defined } from "@cpa-payouts/core";
import { getSettings, type Settings, type SettingsChange, updateSettings } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/**
 * Changes the settings that are given and keeps the others. Open runs keep the cooling-off that they were opened with.
 *
 * @returns the settings that apply now
 */
export async function changeSettings(ctx: DataContext, change: Omit<SettingsChange, "now">): Promise<Settings> {
  await updateSettings(ctx.db, { ...change, now: ctx.clock() });
  const { twoPersonAboveCents, coolingOffDays, reviewAlertDays, largestEntryCents, largestBalanceCents } = change;
  const settings = { twoPersonAboveCents, coolingOffDays, reviewAlertDays, largestEntryCents, largestBalanceCents };
  const changed = Object.keys(defined(settings));
  ctx.log.info({ changed }, "settings.changed");
  return getSettings(ctx.db);
}
