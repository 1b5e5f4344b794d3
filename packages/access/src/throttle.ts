import { countTries, type TryCounter } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";
import { networkOf, siteOf } from "./networks.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The tries that are admitted within a window. */
const limits = {
  /** All unknown browsers together. It also bounds the rows: a flood from many addresses cannot store more. */
  all: { limit: 1_000, windowMs: MINUTE_MS },
  /** A /48 of IPv6. */
  site: { limit: 60, windowMs: MINUTE_MS },
  /** An IPv4 address, or a /64 of IPv6. */
  network: { limit: 20, windowMs: MINUTE_MS },
  /** One account from one network. */
  pair: { limit: 5, windowMs: MINUTE_MS },
  /** One account from all unknown browsers. Guessers can use it up; known browsers do not need it. */
  account: { limit: 100, windowMs: HOUR_MS },
  /** Authenticator codes for one account, of which a guesser finds one in 300,000 tries. */
  code: { limit: 20, windowMs: HOUR_MS },
  /** The same from one network, so that one guesser does not use them up. */
  codePair: { limit: 3, windowMs: HOUR_MS },
  /** One account from one known browser. */
  device: { limit: 10, windowMs: HOUR_MS },
  /** Passwords that one administrator chooses, right or too weak. Judging and hashing them takes time. */
  choice: { limit: 20, windowMs: 15 * MINUTE_MS },
  /** Confirmations in one session. */
  session: { limit: 10, windowMs: 15 * MINUTE_MS },
} as const;

/** Who tries, and from where. */
export interface Try {
  readonly email: string;
  /** As this server or a trusted proxy sees it, never as the client claims it. */
  readonly clientAddress: string;
}

/** The counters of a try. Those with an account are deleted when an operator unlocks the account. */
export function countersOf({ email, clientAddress }: Try) {
  const account = email.toLowerCase();
  const network = networkOf(clientAddress);
  const site = siteOf(clientAddress);
  const ofAccount = (kind: keyof typeof limits, rest: string | number = ""): TryCounter => ({
    key: `${kind} ${account} ${rest}`,
    account,
    ...limits[kind],
  });
  return {
    address: [
      { key: "all", account: null, ...limits.all },
      { key: `network ${network}`, account: null, ...limits.network },
      ...(site === null ? [] : [{ key: `site ${site}`, account: null, ...limits.site }]),
    ],
    pair: [ofAccount("pair", network)],
    account: [ofAccount("account")],
    code: [ofAccount("code")],
    codeInstead: [ofAccount("code"), ofAccount("codePair", network)],
    device: (deviceId: number) => [ofAccount("device", deviceId)],
    choice: [ofAccount("choice")],
    session: (sessionId: number) => [ofAccount("session", sessionId)],
  };
}

/**
 * Counts a try before a secret is checked, unless a limit is reached. The counts are in the database, shared by all processes.
 *
 * @returns null when the try is admitted, otherwise the whole seconds to wait, at least 1
 */
export async function admit(
  { db, clock }: Pick<AccessContext, "db" | "clock">,
  counters: readonly TryCounter[],
  now = clock(),
): Promise<number | null> {
  const refusedUntil = await countTries(db, counters, now);
  return refusedUntil && Math.max(1, Math.ceil((refusedUntil.getTime() - now.getTime()) / SECOND_MS));
}
