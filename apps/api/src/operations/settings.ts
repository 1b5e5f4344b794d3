import { defined, formatCents } from "@cpa-payouts/core";
import { changeSettings, getSettings, type Settings } from "@cpa-payouts/db";
import type { Handlers } from "../calls.ts";

export const settingsHandlers: Handlers<"settings"> = {
  readSettings: async ({ ctx }) => present(await getSettings(ctx.db)),

  changeSettings: async ({ ctx }, call) => {
    const { twoPersonAbove, coolingOffDays, reviewAlertDays } = call.body;
    await changeSettings(ctx.db, {
      ...call.order,
      ...defined({ twoPersonAboveCents: twoPersonAbove, coolingOffDays, reviewAlertDays }),
      now: ctx.clock(),
    });
    return present(await getSettings(ctx.db));
  },
};

function present({ twoPersonAboveCents, coolingOffDays, reviewAlertDays, updatedAt, updatedBy }: Settings) {
  const twoPersonAbove = twoPersonAboveCents === null ? null : formatCents(twoPersonAboveCents);
  return { twoPersonAbove, coolingOffDays, reviewAlertDays, updatedAt: updatedAt.toISOString(), updatedBy };
}
