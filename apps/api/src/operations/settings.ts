import { defined, formatCents } from "@cpa-payouts/core";
import { getSettings, type Settings } from "@cpa-payouts/db";
import { changeSettings } from "@cpa-payouts/pipeline";
import type { Handlers } from "../calls.ts";

export const settingsHandlers: Handlers<"settings"> = {
  readSettings: async ({ ctx }) => present(await getSettings(ctx.db)),

  changeSettings: async ({ ctx }, call) => {
    const { twoPersonAbove, coolingOffDays, reviewAlertDays } = call.body;
    const change = defined({ twoPersonAboveCents: twoPersonAbove, coolingOffDays, reviewAlertDays });
    return present(await changeSettings(ctx, { ...call.audit, ...change }));
  },
};

function present({ twoPersonAboveCents, coolingOffDays, reviewAlertDays, updatedAt, updatedBy }: Settings) {
  const twoPersonAbove = twoPersonAboveCents === null ? null : formatCents(twoPersonAboveCents);
  return { twoPersonAbove, coolingOffDays, reviewAlertDays, updatedAt: updatedAt.toISOString(), updatedBy };
}
