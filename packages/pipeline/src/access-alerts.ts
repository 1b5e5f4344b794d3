import { dollars } from "@cpa-payouts/core";
import {
  type AuditEntry,
  type GuardedChange,
  listAuditLog,
  listGuardedChanges,
  listRelaxations,
} from "@cpa-payouts/db";
import { alertingSince, type Situation, type WrittenAlert, type WrittenEvent } from "./written-alert.ts";

const DAY_MS = 86_400_000;

/** How far back to look. An alert of an older change that no channel has taken is dropped. */
const SINCE_MS = 7 * DAY_MS;

/** More changes of one kind within a week, and the oldest raise no alert. */
const MOST = 1_000;

const ADVICE = "If nobody told you of this, ask them, and look at the audit log.";

/** The guarded changes that wait for a second person. */
export async function findWaitingChanges({ db }: Situation): Promise<WrittenAlert[]> {
  const waiting = await listGuardedChanges(db, { status: "waiting" }, { limit: MOST });
  return waiting.map(alertOfWaiting).reverse();
}

/** The administrators who were added. */
export async function findCreatedAdmins(ctx: Situation): Promise<WrittenAlert[]> {
  const entries = await recentEntries(ctx, "admin.create");
  return entries.map((entry) => {
    const { role } = entry.after as { role: string };
    return alertOfEntry(
      "admin-created",
      entry,
      `${emailIn(entry)} was added as an administrator with the role ${role}`,
    );
  });
}

/** The administrators who have another role, or were disabled or enabled. */
export async function findChangedAdmins(ctx: Situation): Promise<WrittenAlert[]> {
  const entries = await recentEntries(ctx, "admin.change");
  return entries.flatMap((entry) => {
    const [before, after] = [entry.before, entry.after] as [AdminState, AdminState];
    if (describeState(before) === describeState(after)) return [];
    const what = `${emailIn(entry)} is ${describeState(after)}; before: ${describeState(before)}`;
    return [alertOfEntry("admin-changed", entry, what)];
  });
}

interface AdminState {
  readonly role: string;
  readonly isDisabled: boolean;
}

function describeState({ role, isDisabled }: AdminState): string {
  return isDisabled ? `disabled (${role})` : role;
}

/** The passwords and second factors that another person than their owner changed. */
export async function findChangedCredentials(ctx: Situation): Promise<WrittenAlert[]> {
  const passwords = await recentEntries(ctx, "admin.password");
  const factors = await recentEntries(ctx, "admin.no-second-factor");
  return [...passwords, ...factors]
    .filter((entry) => entry.actor !== emailIn(entry) || requesterOf(entry))
    .map((entry) => {
      const what = entry.action === "admin.password" ? "has another password" : "lost the second factor";
      return alertOfEntry("credentials-changed", entry, `${emailIn(entry)} ${what}`);
    });
}

/** The settings that were relaxed. */
export async function findRelaxedRules(ctx: Situation): Promise<WrittenAlert[]> {
  const since = await alertingSince(ctx, SINCE_MS);
  if (!since) return [];
  const relaxations = await listRelaxations(ctx.db, since);
  return relaxations.map((entry) => {
    const changed = changedSettings(entry.before, entry.after);
    const before = describeSettings(pick(entry.before, changed));
    return alertOfEntry(
      "rule-relaxed",
      entry,
      `Settings were relaxed: ${describeSettings(pick(entry.after, changed))} (before: ${before})`,
    );
  });
}

async function recentEntries(ctx: Situation, action: string): Promise<AuditEntry[]> {
  const since = await alertingSince(ctx, SINCE_MS);
  if (!since) return [];
  return (await listAuditLog(ctx.db, { action, from: since }, { limit: MOST })).reverse();
}

type Told = Pick<AuditEntry, "id" | "at" | "actor" | "after">;

function alertOfEntry(event: WrittenEvent, entry: Told, what: string): WrittenAlert {
  const requester = requesterOf(entry);
  const by = entry.actor === "system" ? "the system" : entry.actor;
  const details = [`Done by ${by} at ${entry.at.toISOString()}.`, ...(requester ? [`Requested by ${requester}.`] : [])];
  return { key: `${event}:${entry.id}`, event, paymentDate: null, text: { headline: what, advice: ADVICE, details } };
}

function alertOfWaiting(change: GuardedChange): WrittenAlert {
  const { id, requestedBy, requestedAt, mayApplyAt } = change;
  const event = "change-waits";
  const text = {
    headline: `${requestedBy} requested ${describeChange(change)}`,
    advice: `Confirm it if it is right, otherwise stop it: from ${mayApplyAt.toISOString()} on it may be made without a second person.`,
    details: [
      `Requested at ${requestedAt.toISOString()}.`,
      `POST /api/v1/changes/${id}/stop stops it, POST /api/v1/changes/${id}/confirmation makes it. Every administrator may do either, except that nobody confirms their own request.`,
    ],
  };
  return { key: `${event}:${id}`, event, paymentDate: null, text };
}

function describeChange({ kind, object, wanted }: GuardedChange): string {
  const email = object.replace("admin:", "");
  const { role, isDisabled } = wanted as { role?: string; isDisabled?: boolean };
  switch (kind) {
    case "settings":
      return `to relax settings: ${describeSettings(wanted as Settings)}`;
    case "create-admin":
      return `a new administrator: ${email} with the role ${role}`;
    case "change-admin":
      return `more rights for ${email}: ${[role, isDisabled === false ? "enabled" : null].filter(Boolean).join(", ")}`;
    case "reset-password":
      return `another password for ${email}`;
    case "remove-second-factor":
      return `to remove the second factor of ${email}`;
  }
}

type Settings = Readonly<Record<string, string | number | null>>;

const names = (settings: unknown) => Object.keys(settings as Settings);

function changedSettings(before: unknown, after: unknown): string[] {
  return names(before).filter((name) => (before as Settings)[name] !== (after as Settings)[name]);
}

function pick(settings: unknown, chosen: readonly string[]): Settings {
  return Object.fromEntries(chosen.map((name) => [name, (settings as Settings)[name] ?? null]));
}

/** Settings by the names that the API uses: `twoPersonAbove $500.00, coolingOffDays 3`. */
function describeSettings(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => {
      if (!name.endsWith("Cents")) return `${name} ${value}`;
      return `${name.replace("Cents", "")} ${value === null ? "off" : dollars(BigInt(value))}`;
    })
    .join(", ");
}

/** Who requested a change that another person confirmed; null for a change that was made at once. */
function requesterOf({ after }: Pick<AuditEntry, "after">): string | null {
  return (after as { requestedBy?: string } | null)?.requestedBy ?? null;
}

function emailIn({ object }: AuditEntry): string {
  return object.replace("admin:", "");
}
