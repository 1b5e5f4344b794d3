/**
 * Changes that give power or relax a rule. While the two-person rule is on, an administrator cannot make them alone: they wait
 * for a second administrator, or for a time in which every administrator is alerted and may stop them
 * (docs/decisions/0023-a-second-person-for-power.md).
 */

export const guardedChangeKinds = [
  "settings",
  "create-admin",
  "change-admin",
  "reset-password",
  "remove-second-factor",
] as const;
export type GuardedChangeKind = (typeof guardedChangeKinds)[number];

/** The kinds that issue a password. Somebody must be there to take it, so time alone does not apply them. */
export const passwordIssuingKinds = ["create-admin", "reset-password"] as const satisfies GuardedChangeKind[];

/** Whether a guarded change issues a password. */
export function issuesPassword(kind: GuardedChangeKind): boolean {
  return passwordIssuingKinds.some((issuing) => issuing === kind);
}

export const guardedChangeStatuses = ["waiting", "applied", "stopped"] as const;
export type GuardedChangeStatus = (typeof guardedChangeStatuses)[number];

/** Why a guarded change was not made. */
export const stopReasons = [
  /** An administrator stopped it. */
  "stopped-by-administrator",
  /** Who requested it is no longer an enabled administrator of the role `admin`. */
  "requester-lost-rights",
  /** What it would change is no longer as it was when the change was requested. */
  "object-changed",
  /** Its password was not taken in time. */
  "expired",
] as const;
export type StopReason = (typeof stopReasons)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Milliseconds after its announcement from which on a guarded change may be made without a second person. */
export const GUARDED_WAIT_MS = DAY_MS;
/** The same, when an administrator was disabled, demoted or signed out by another: those left need the time to notice. */
export const GUARDED_LONG_WAIT_MS = 7 * DAY_MS;
/** A change that issues a password ends so many milliseconds after its request, if its password was not taken. */
export const GUARDED_LIFE_MS = 14 * DAY_MS;
/**
 * An administrator may request so many guarded changes within a day. Each raises an alert, and among thousands of alerts the one
 * that matters would be sent late.
 */
export const MOST_REQUESTS_A_DAY = 50;
export const REQUESTS_COUNTED_MS = DAY_MS;
/** An account to which another person gave something (its password, a role) is no second person for so many milliseconds. */
export const NEW_POWER_MS = DAY_MS;
