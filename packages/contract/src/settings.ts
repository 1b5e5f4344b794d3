import { CEILING_CENTS, formatCents } from "@cpa-payouts/core";
import { z } from "zod";
import { guardedChange } from "./changes.ts";
import { amount, amountOrZero, instant, positiveAmount } from "./fields.ts";
import { operation } from "./operation.ts";

const days = z.int().min(0).max(365);

/** A limit of amounts; the tables take none above the ceiling. */
const limit = positiveAmount.refine((cents) => cents <= CEILING_CENTS, {
  error: `it is more than ${formatCents(CEILING_CENTS)}, the most that any amount may be`,
});

const settings = z
  .object({
    /** An invoice above this needs the approval of two people; null for never. */
    twoPersonAbove: amount.nullable(),
    /** A user whose Binance e-mail changed within this many days before a run waits for a later one; 0 switches this off. */
    coolingOffDays: z.int(),
    /** An alert is raised after this many days with pending invoices and no review; 0 for never. */
    reviewAlertDays: z.int(),
    /** A credit, an adjustment or an opening balance above this amount is refused. */
    largestEntry: amount,
    /** What would take a balance further from zero than this amount, on either side, is refused. */
    largestBalance: amount,
    updatedAt: instant,
    updatedBy: z.string(),
  })
  .meta({ id: "Settings" });

export const settingsOperations = {
  readSettings: operation({
    method: "GET",
    path: "/api/v1/settings",
    summary: "The rules that may be changed while the system runs",
    access: { role: "viewer", scope: null },
    response: settings,
  }),
  changeSettings: operation({
    method: "PATCH",
    path: "/api/v1/settings",
    summary:
      "Change one or several settings; with the two-person rule on, relaxing any of them waits for a second person",
    access: { role: "admin", scope: null, isSensitive: true },
    body: z
      .object({
        twoPersonAbove: amountOrZero.nullable().optional(),
        coolingOffDays: days.optional(),
        reviewAlertDays: days.optional(),
        largestEntry: limit.optional(),
        largestBalance: limit.optional(),
      })
      .refine((change) => Object.keys(change).length > 0, "say what to change"),
    response: settings,
    held: guardedChange,
  }),
};
