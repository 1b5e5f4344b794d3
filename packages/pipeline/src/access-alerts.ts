import { adminEmail, alertKey, dollars, idInAlertKey } from "@cpa-payouts/core";
import {
  type AuditEntry,
  type EntryEvent,
  findAlertedEntry,
  findGuardedChange,
  type GuardedChange,
  listAdmins,
  listEntriesToAlert,
  listUnannouncedChanges,
} from "@cpa-payouts/db";
import { alertingSince, isInternetAddress, MOST, type Situation, type WrittenAlert } from "./written-alert.ts";

const DAY_MS = 86_400_000;

/** How far back to look. An alert of an older change that no channel has taken is dropped. */
const SINCE_MS = 7 * DAY_MS;

/** So many administrators get an e-mail of each alert. The oldest accounts come first: new ones cannot crowd them out. */
const MOST_ADDRESSEES = 50;

const ADVICE = "If you did not expect this, ask the person named below, and look at the audit log.";

/**
 * The guarded changes whose wait is to begin. With `key` the change of that alert, as long as it waits.
 */
export async function findWaitingChanges({ db }: Situation, key?: string): Promise<WrittenAlert[]> {
  if (key === undefined) return (await listUnannouncedChanges(db, MOST)).map(alertOfWaiting);
  const change = await findGuardedChange(db, idInAlertKey("change-waits", key));
  if (change?.status !== "waiting") return [];
  return [toAdministrators(alertOfWaiting(change), await listAddressees({ db }))];
}

/**
 * What happened to administrators, their credentials, rules and tokens, an alert for each entry of the audit log that has none.
 * With `key` the alert of that key.
 */
export async function findChangesOfAccess(ctx: Situation, event: EntryEvent, key?: string): Promise<WrittenAlert[]> {
  const since = await alertingSince(ctx, SINCE_MS);
  if (!since) return [];
  if (key === undefined) {
    const entries = await listEntriesToAlert(ctx.db, { event, since, limit: MOST });
    return entries.map((entry) => alertOfEntry(event, entry));
  }
  const entry = await findAlertedEntry(ctx.db, { event, key, since });
  return entry ? [toAdministrators(alertOfEntry(event, entry), await listAddressees(ctx, entry))] : [];
}

/** By e-mail the alert goes to these administrators as well, whom the person who does this cannot choose. */
function toAdministrators(alert: WrittenAlert, alsoTo: readonly string[]): WrittenAlert {
  return { ...alert, text: { ...alert.text, alsoTo } };
}

/** The addresses of the enabled administrators of the role `admin`, and of the administrator whom an entry is about. */
async function listAddressees({ db }: Pick<Situation, "db">, entry?: AuditEntry): Promise<string[]> {
  const isConcerned = ({ email }: { email: string }) => entry?.object === `admin:${email}`;
  const admins = await listAdmins(db);
  return admins
    .filter((admin) => isConcerned(admin) || (admin.role === "admin" && admin.disabledAt === null))
    .filter(({ email }) => adminEmail.test(email) && isInternetAddress(email))
    .sort((one, other) => Number(isConcerned(other)) - Number(isConcerned(one)))
    .slice(0, MOST_ADDRESSEES)
    .map(({ email }) => email);
}

const headlines: Readonly<Record<EntryEvent, (entry: AuditEntry) => string>> = {
  "admin-created": (entry) => {
    const { role } = entry.after as { role: string };
    return `${emailIn(entry)} was added as an administrator with the role ${role}`;
  },
  "admin-changed": (entry) => {
    const [before, after] = [entry.before, entry.after] as [AdminState, AdminState];
    return `${emailIn(entry)} is ${describeState(after)}; before: ${describeState(before)}`;
  },
  "credentials-changed": (entry) => {
    const what = entry.action === "admin.password" ? "has another password" : "lost the second factor";
    return `${emailIn(entry)} ${what}`;
  },
  "rule-relaxed": ({ before, after }) => {
    const changed = changedSettings(before, after);
    return `Settings were relaxed: ${describeSettings(pick(after, changed))} (before: ${describeSettings(pick(before, changed))})`;
  },
  "token-created": ({ object, after }) => {
    const { scopes } = after as { scopes: readonly string[] };
    return `The token ${object.replace("token:", "")} was created, with the scopes ${scopes.join(", ")}`;
  },
};

interface AdminState {
  readonly role: string;
  readonly isDisabled: boolean;
}

function describeState({ role, isDisabled }: AdminState): string {
  return isDisabled ? `disabled (${role})` : role;
}

function alertOfEntry(event: EntryEvent, entry: AuditEntry): WrittenAlert {
  const requester = requesterOf(entry);
  const by = entry.actor === "system" ? "the system" : entry.actor;
  const details = [`Done by ${by} at ${entry.at.toISOString()}.`, ...(requester ? [`Requested by ${requester}.`] : [])];
  const text = { headline: headlines[event](entry), advice: ADVICE, details };
  return { key: alertKey(event, entry.id), event, paymentDate: null, text };
}

function alertOfWaiting(change: GuardedChange): WrittenAlert {
  const { id, requestedBy, requestedAt, mayApplyAt } = change;
  const event = "change-waits";
  // A worker may be faster than the tick, which begins the wait right after it has raised the alert.
  const from = mayApplyAt ? `from ${mayApplyAt.toISOString()}` : "from a day after this alert";
  const text = {
    headline: `${requestedBy} requested ${describeChange(change)}`,
    advice: `Confirm it if it is right, otherwise stop it: ${from} on it may be made without a second person.`,
    details: [
      `Requested at ${requestedAt.toISOString()}.`,
      `POST /api/v1/changes/${id}/stop stops it, POST /api/v1/changes/${id}/confirmation makes it. Every administrator may stop it, and every one but the requester may confirm it.`,
    ],
  };
  return { key: alertKey(event, id), event, paymentDate: null, text };
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
      return `more rights for ${email}, who becomes ${isDisabled ? "disabled" : "enabled"} with the role ${role}`;
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
