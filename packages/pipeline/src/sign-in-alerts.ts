import { alertKey, localDateAt } from "@cpa-payouts/core";
import {
  findAlertedSignIn,
  listRefusedCodes,
  listSignInFailures,
  listSignInsToAlert,
  NEW_ADDRESSES_A_DAY,
  type NewAddressSignIn,
  type RefusedCodes,
} from "@cpa-payouts/db";
import { alertingSince, isInternetAddress, MOST, type Situation, type WrittenAlert } from "./written-alert.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** So many failed sign-ins of one administrator on one local day raise an alert. */
const FAILURES_A_DAY = 10;

/** How far back to look. An alert of an older sign-in that no channel has taken is dropped. */
const FAILURES_SINCE_MS = 2 * DAY_MS;
const NEW_ADDRESS_SINCE_MS = 7 * DAY_MS;

const LAST = `This was alert ${NEW_ADDRESSES_A_DAY} of this account within 24 hours: no further sign-ins from new addresses are reported until the first of them is a day old. The audit log has them all (action session.open).`;

interface FailuresOfDay {
  readonly email: string;
  readonly day: string;
  readonly failures: number;
}

/** The failed sign-ins that call for an alert now, whether it was raised before or not. */
export async function findFailedSignIns(ctx: Situation): Promise<WrittenAlert[]> {
  const since = await alertingSince(ctx, FAILURES_SINCE_MS);
  if (!since) return [];
  const failures = await failuresByDay(ctx, since);
  const refused = await listRefusedCodes(ctx.db, since);
  return [
    ...failures.filter((day) => day.failures >= FAILURES_A_DAY).map(alertOfFailures),
    ...firstOfEachKey(refused.map((codes) => alertOfRefusedCodes(ctx, codes))),
  ];
}

function firstOfEachKey(alerts: readonly WrittenAlert[]): WrittenAlert[] {
  return alerts.filter(({ key }, index) => alerts.findIndex((alert) => alert.key === key) === index);
}

/** The sign-ins from new addresses for which no alert was raised. With `key` the one of that alert. */
export async function findSignInsFromNewAddresses(ctx: Situation, key?: string): Promise<WrittenAlert[]> {
  const since = await alertingSince(ctx, NEW_ADDRESS_SINCE_MS);
  if (!since) return [];
  if (key === undefined) {
    const signIns = await listSignInsToAlert(ctx.db, { since, limit: MOST });
    return signIns.map((signIn) => alertOfSignIn(ctx, signIn));
  }
  const signIn = await findAlertedSignIn(ctx.db, { key, since });
  return signIn ? [alertOfSignIn(ctx, signIn)] : [];
}

/** The hour in which alerting began counts as a whole. */
async function failuresByDay({ db, policy }: Situation, since: Date): Promise<FailuresOfDay[]> {
  const days = new Map<string, FailuresOfDay>();
  for (const { email, hour, failures } of await listSignInFailures(db, new Date(since.getTime() - HOUR_MS))) {
    const day = localDateAt(hour, policy.schedule.timeZone);
    const key = `${day} ${email}`;
    days.set(key, { email, day, failures: failures + (days.get(key)?.failures ?? 0) });
  }
  return [...days.values()];
}

function alertOfFailures({ email, day, failures }: FailuresOfDay): WrittenAlert {
  const event = "sign-ins-failed";
  const text = {
    headline: `${failures} sign-ins as ${email} failed on ${day}`,
    advice: `Ask ${email} whether they forgot their password; if not, another person is guessing it.`,
    details: [
      `The audit log has the failures of each hour with the last client address (object admin:${email}).`,
      `If the limits keep the owner out, "payouts admin unlock ${email}" lifts them.`,
    ],
  };
  return { key: `${event}:${email}:${day}`, event, paymentDate: null, text };
}

/** One is enough: who has the right password and no code may not be its owner. */
function alertOfRefusedCodes({ policy }: Situation, { email, at, network }: RefusedCodes): WrittenAlert {
  const event = "sign-ins-failed";
  const day = localDateAt(at, policy.schedule.timeZone);
  const text = {
    headline: `The right password of ${email} was given from ${network} on ${day}, but no right code of the second factor`,
    advice: `Ask ${email} whether that was them; if not, another person has their password: set a new one.`,
    details: [
      `No sign-in was completed from there within ten minutes. The audit log has the number of tries (object admin:${email}, action session.refuse-code).`,
      `"payouts admin password ${email}" sets another password and ends all sessions.`,
    ],
  };
  return { key: `${event}:${email}:${day}:code`, event, paymentDate: null, text };
}

function alertOfSignIn({ alerts }: Situation, signIn: NewAddressSignIn): WrittenAlert {
  const { id, email, createdAt, clientAddress } = signIn;
  const event = "sign-in-from-new-address";
  const isWrittenToPerson = alerts.channels.email !== undefined && isInternetAddress(email);
  const text = {
    headline: `${email} signed in from an address that is new for them: ${clientAddress}`,
    advice: "If that was not you, end the session, change your password and tell the other administrators.",
    details: [`The session ${id} was opened at ${createdAt.toISOString()}.`, ...(signIn.isLast ? [LAST] : [])],
  };
  const base = { key: alertKey(event, id), event, paymentDate: null } as const;
  if (!isWrittenToPerson) return { ...base, text };
  return { ...base, channels: ["email"], text: { ...text, recipient: email } };
}
