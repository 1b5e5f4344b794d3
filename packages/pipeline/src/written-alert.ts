import type { AlertEvent, AlertMessage } from "@cpa-payouts/core";
import { type AlertCandidate, findScheduler } from "@cpa-payouts/db";
import type { Context } from "./context.ts";

/** What is needed to find the alerts that apply now. */
export type Situation = Pick<Context, "db" | "clock" | "policy" | "alerts">;

/** The events of alerts whose text is found together with them. */
export type WrittenEvent = Extract<
  AlertEvent,
  | "sign-ins-failed"
  | "sign-in-from-new-address"
  | "change-waits"
  | "admin-created"
  | "admin-changed"
  | "credentials-changed"
  | "rule-relaxed"
  | "token-created"
>;

/** An alert with its text, which no other row decides. */
export interface WrittenAlert extends AlertCandidate {
  readonly event: WrittenEvent;
  readonly text: Omit<AlertMessage, "id" | "link">;
}

/** A tick raises so many alerts of one event; the next tick raises the rest. */
export const MOST = 1_000;

/** Whether mail can be sent to an administrator's e-mail. A host such as that of `admin@localhost` gets none. */
export function isInternetAddress(email: string): boolean {
  return /@[^@]+\.[^@]+$/.test(email);
}

/** The instant `ms` milliseconds ago, or when alerting began if that is later; null while it has not begun. */
export async function alertingSince({ db, clock }: Situation, ms: number): Promise<Date | null> {
  const scheduler = await findScheduler(db);
  if (!scheduler?.alertingSince) return null;
  return new Date(Math.max(clock().getTime() - ms, scheduler.alertingSince.getTime()));
}
