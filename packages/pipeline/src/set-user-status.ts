import type { AuditContext, UserStatus } from "@cpa-payouts/core";
import { updateUserStatus } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/**
 * Sets a user's status. A run in progress tests the status again under the user's lock, so a suspension counts at once.
 *
 * @returns `unchanged` when the user had that status already; `unknown-user` when there is no such user
 */
export async function setUserStatus(
  ctx: DataContext,
  input: AuditContext & { externalId: string; status: UserStatus; reason: string },
): Promise<"changed" | "unchanged" | "unknown-user"> {
  const user = await updateUserStatus(ctx.db, { ...input, now: ctx.clock() });
  if (!user) return "unknown-user";
  if (user.before === input.status) return "unchanged";
  ctx.log.info({ userId: user.userId, status: input.status }, "user.status-changed");
  return "changed";
}
