import { z } from "zod";
import { amount, amountOrZero, instant } from "./fields.ts";
import { operation } from "./operation.ts";

const days = z.int().min(0).max(365);

const settings = z
  .object({
    /** An invoice above this needs the approval of two people; null for never. */
    twoPersonAbove: amount.nullable(),
    /** A user whose Binance e-mail changed within this many days before a run waits for a later one; 0 switches this off. */
    coolingOffDays: z.int(),
    /** An alert is raised after this many days with pending invoices and no review; 0 for never. */
    reviewAlertDays: z.int(),
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
    summary: "Change one or several settings",
    access: { role: "admin", scope: null, isSensitive: true },
    body: z
      .object({
        twoPersonAbove: amountOrZero.nullable().optional(),
        coolingOffDays: days.optional(),
        reviewAlertDays: days.optional(),
      })
      .refine((change) => Object.keys(change).length > 0, "say what to change"),
    response: settings,
  }),
};
