import { type DueChange, listDueChanges, settleChange, stopChange } from "@cpa-payouts/db";
import { type DataContext, SYSTEM_ACTOR } from "./context.ts";
import type { SeparateSteps } from "./separate-steps.ts";

/**
 * Makes the guarded changes that have waited long enough without being stopped, and stops those whose password was not taken in time.
 *
 * @param steps a change that cannot be made is a failed step and does not stop the next one
 */
export async function endGuardedChanges(ctx: DataContext, steps: SeparateSteps): Promise<void> {
  const due = (await steps.run("list-due-changes", () => listDueChanges(ctx.db, ctx.clock()))) ?? [];
  for (const change of due) await steps.run(`end-change ${change.id}`, () => endChange(ctx, change));
}

async function endChange(ctx: DataContext, { id: changeId, kind, isExpired }: DueChange): Promise<void> {
  const input = { changeId, actor: SYSTEM_ACTOR, now: ctx.clock() };
  if (isExpired) {
    const isStopped = await stopChange(ctx.db, { ...input, stopReason: "expired" });
    if (isStopped) ctx.log.info({ changeId, kind, reason: "expired" }, "change.stopped");
    return;
  }
  const settled = await settleChange(ctx.db, { ...input, kind, confirmedBy: null, passwordHash: null });
  if (settled.status === "applied") ctx.log.info({ changeId, kind }, "change.applied");
  if (settled.status === "stopped") ctx.log.info({ changeId, kind, reason: settled.reason }, "change.stopped");
}
