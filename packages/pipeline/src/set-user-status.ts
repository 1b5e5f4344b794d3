import type { AuditContext, UserStatus } from "@cpa-payouts/core";
import { findUser, updateUserStatus } from "@cpa-payouts/db";
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
  const before = await updateUserStatus(ctx.db, { ...input, now: ctx.clock() });
  if (before === null) return "unknown-user";
  if (before === input.status) return "unchanged";
  const user = await findUser(ctx.db, input.externalId);
  ctx.log.info({ userId: user?.id, status: input.status }, "user.status-changed");
  return "changed";
}
