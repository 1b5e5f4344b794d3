import { countTry, type Db, forgetTries } from "@cpa-payouts/db";
import { ApiProblem } from "../problems.ts";

const MINUTE_MS = 60_000;
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
 * @throws ApiProblem 429 when a limit is exceeded
 */
export async function admitTry(db: Db, attempt: Try, now: Date): Promise<void> {
  const counters = [
    { key: pairKey(attempt), ...limits.pair },
    { key: `sign-in ${attempt.clientAddress}`, ...limits.address },
    { key: `sign-in account ${attempt.email}`, ...limits.account },
  ];
  for (const { key, tries: allowed, windowMs } of counters) {
    const { tries, windowEndsAt } = await countTry(db, { key, windowMs, now });
    if (tries > allowed) {
      const seconds = Math.max(1, Math.ceil((windowEndsAt.getTime() - now.getTime()) / 1_000));
      throw new ApiProblem(429, "too-many-requests", `too many tries; wait ${seconds} seconds`);
    }
  }
}

/** Resets the counter of this account and address after a correct password. */
export async function forgiveTries(db: Db, attempt: Try, now: Date): Promise<void> {
  await forgetTries(db, pairKey(attempt), now);
}
