import { type AuditContext, issuesPassword } from "@cpa-payouts/core";
import {
  type ChangeRequest,
  findGuardedChange,
  type GuardedChange,
  getSettings,
  type HeldChange,
  holdChange,
  type SettledChange,
  settleChange,
  stopChange,
} from "@cpa-payouts/db";
import { type AccessContext, inQueue } from "./context.ts";
import { generatePassword, hashPassword } from "./passwords.ts";

/** Whether changes that give power need a second person now. */
export async function isRuleOn({ db }: AccessContext): Promise<boolean> {
  return (await getSettings(db)).twoPersonAboveCents !== null;
}

/** The name of an administrator as the object of a change. */
export function objectOf(email: string): string {
  return `admin:${email.toLowerCase()}`;
}

/** Stores a change until a second person confirms it. @throws Error without an administrator who requests it */
export async function hold(
  ctx: AccessContext,
  { requestedBy, ...request }: Omit<ChangeRequest, "now" | "requestedBy"> & { requestedBy: number | null },
): Promise<HeldChange> {
  if (requestedBy === null) throw new Error(`a change ${request.kind} that no administrator requests cannot wait`);
  const held = await holdChange(ctx.db, { ...request, requestedBy, now: ctx.clock() });
  if (held.status === "held") ctx.log.info({ changeId: held.change.id, kind: held.change.kind }, "change.held");
  return held;
}

export type Confirmation =
  | { readonly status: "unknown-change" }
  /** `change` is as it is now. `password` is the one that it issued, which is stored only as a hash; null for other kinds. */
  | (SettledChange & { readonly change: GuardedChange; readonly password: string | null });

/**
 * Makes a change that waits for a second person, on the word of one: an administrator other than the requester, or the
 * requester after the wait.
 *
 * @param input.confirmedBy the id of the administrator
 * @returns whether it was made, stopped because it no longer applies, or refused (it still waits then)
 */
export async function confirmChange(
  ctx: AccessContext,
  input: AuditContext & { changeId: number; confirmedBy: number },
): Promise<Confirmation> {
  const { changeId } = input;
  const change = await findGuardedChange(ctx.db, changeId);
  if (!change) return { status: "unknown-change" };
  if (change.status !== "waiting") return { status: "not-waiting", change, password: null };
  const password = issuesPassword(change.kind) ? generatePassword() : null;
  const passwordHash =
    password &&
    (await inQueue(ctx, { urgency: "known", person: input.actor }, () => hashPassword(password, ctx.passwordCost)));
  const { kind } = change;
  const settled = await settleChange(ctx.db, { ...input, kind, passwordHash, now: ctx.clock() });
  if (settled.status === "applied") ctx.log.info({ changeId, kind }, "change.applied");
  if (settled.status === "stopped") ctx.log.info({ changeId, kind, reason: settled.reason }, "change.stopped");
  const present = (await findGuardedChange(ctx.db, changeId)) ?? change;
  return { ...settled, change: present, password: settled.status === "applied" ? password : null };
}

/**
 * Stops a change that waits for a second person.
 *
 * @returns the change as it is now, and whether this call stopped it; null when it is unknown
 */
export async function stopWaitingChange(
  ctx: AccessContext,
  input: AuditContext & { changeId: number },
): Promise<{ readonly isStopped: boolean; readonly change: GuardedChange } | null> {
  const { changeId } = input;
  const stopReason = "stopped-by-administrator";
  const isStopped = await stopChange(ctx.db, { ...input, stopReason, now: ctx.clock() });
  const change = await findGuardedChange(ctx.db, changeId);
  if (isStopped && change) ctx.log.info({ changeId, kind: change.kind, reason: stopReason }, "change.stopped");
  return change && { isStopped, change };
}
