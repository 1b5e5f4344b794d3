import { findAdmin } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";

/** The fields of an event about an administrator. E-mails stay out of the log. */
export async function idOfAdmin({ db }: AccessContext, email: string): Promise<{ adminId: number | null }> {
  return { adminId: (await findAdmin(db, email))?.id ?? null };
}
