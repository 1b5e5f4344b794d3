import { countTry, forgetTries } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The limit of an account is high, since an attacker can use it up to lock the administrator out. */
const limits = {
  /** One account from one address. */
  pair: { tries: 5, windowMs: MINUTE_MS },
  address: { tries: 20, windowMs: MINUTE_MS },
  account: { tries: 100, windowMs: HOUR_MS },
} as const;

interface Try {
  readonly email: string;
  /** As this server or a trusted proxy sees it, never as the client claims it. */
  readonly clientAddress: string;
}

const pairKey = ({ email, clientAddress }: Try) => `sign-in ${clientAddress} ${email}`;

/**
 * Counts a try before the password is checked. The counters are in the database, shared by all processes.
 *
 * @returns null when the try is admitted; the whole seconds to wait when a limit is exceeded, at least 1
 */
export async function admitTry(
  { db, clock }: Pick<AccessContext, "db" | "clock">,
  attempt: Try,
): Promise<number | null> {
  const now = clock();
  const counters = [
    { key: pairKey(attempt), ...limits.pair },
    { key: `sign-in ${attempt.clientAddress}`, ...limits.address },
    { key: `sign-in account ${attempt.email}`, ...limits.account },
  ];
  for (const { key, tries: allowed, windowMs } of counters) {
    const { tries, windowEndsAt } = await countTry(db, { key, windowMs, now });
    if (tries > allowed) return Math.max(1, Math.ceil((windowEndsAt.getTime() - now.getTime()) / SECOND_MS));
  }
  return null;
}

/** Resets the counter of this account and address after a correct password. */
export async function forgiveTries({ db, clock }: Pick<AccessContext, "db" | "clock">, attempt: Try): Promise<void> {
  await forgetTries(db, pairKey(attempt), clock());
}
