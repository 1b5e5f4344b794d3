import type { AuditContext } from "@cpa-payouts/core";
import type { DataContext } from "./context.ts";
import { recordAction } from "./record-action.ts";

/** The lists that can be exported whole, as CSV. */
type ExportedList = "invoices" | "users" | "methods";

/**
 * Writes the audit row of a CSV export, before its first row is sent: who took which list, with what filter. Amounts in the
 * filter are in cents.
 */
export async function recordExport(
  ctx: DataContext,
  { list, filter, ...audit }: AuditContext & { list: ExportedList; filter: Readonly<Record<string, unknown>> },
): Promise<void> {
  const written = Object.entries(filter).map(([name, value]) => [name, typeof value === "bigint" ? `${value}` : value]);
  await recordAction(ctx, {
    ...audit,
    action: `${list}.export`,
    object: list,
    after: { filter: Object.fromEntries(written) },
  });
}
