import { sql } from "drizzle-orm";
import type { TryCounter } from "./statements/count-tries.ts";

export const REFUSED_CODE = "refused-code ";
/** An SQL condition on `throttles t`: it is a counter of {@link refusedCodes}, which the audit log takes over. */
export const isOfRefusedCodes = sql`t.key like ${`${REFUSED_CODE}%`}`;

/** A person who has to look for the phone or a recovery code signs in within this time. */
const WINDOW_MS = 10 * 60_000;

/**
 * The counter of tries with the right password and a missing or wrong code, of an administrator from a network. It limits
 * nothing. A sign-in that is completed from there deletes it; otherwise `auditRefusedCodes` writes it down.
 *
 * @returns the counter of a try at this moment; and the keys of all tries of the last ten minutes. Each ten minutes have a key
 *   of their own, or a later try would begin the window of one anew that no tick has written down yet
 */
export function refusedCodes(email: string, network: string, now: Date): { counter: TryCounter; keys: string[] } {
  const account = email.toLowerCase();
  const present = Math.floor(now.getTime() / WINDOW_MS);
  const keyOf = (window: number) => `${REFUSED_CODE}${account} ${network} ${window}`;
  return {
    counter: { key: keyOf(present), account, limit: 1_000_000, windowMs: WINDOW_MS },
    keys: [keyOf(present), keyOf(present - 1)],
  };
}
