import { defined, formatCents } from "@cpa-payouts/core";
import { getSettings, type Settings } from "@cpa-payouts/db";
import { changeSettings } from "@cpa-payouts/pipeline";
import type { Handlers } from "../calls.ts";
import { presentHeld, requesterOf } from "./changes.ts";

export const settingsHandlers: Handlers<"settings"> = {
  readSettings: async ({ ctx }) => present(await getSettings(ctx.db)),

  changeSettings: async ({ ctx }, call) => {
    const { twoPersonAbove, coolingOffDays, reviewAlertDays, largestEntry, largestBalance } = call.body;
    const values = defined({
      twoPersonAboveCents: twoPersonAbove,
      coolingOffDays,
      reviewAlertDays,
      largestEntryCents: largestEntry,
      largestBalanceCents: largestBalance,
    });
    const result = await changeSettings(ctx, { ...call.audit, values, requestedBy: requesterOf(call) });
    return result.status === "changed" ? present(result.settings) : presentHeld(result, call);
  },
};

function present({ twoPersonAboveCents, largestEntryCents, largestBalanceCents, ...settings }: Settings) {
  const { coolingOffDays, reviewAlertDays, updatedAt, updatedBy } = settings;
  return {
    twoPersonAbove: twoPersonAboveCents === null ? null : formatCents(twoPersonAboveCents),
    coolingOffDays,
    reviewAlertDays,
    largestEntry: formatCents(largestEntryCents),
    largestBalance: formatCents(largestBalanceCents),
    updatedAt: updatedAt.toISOString(),
    updatedBy,
  };
}
