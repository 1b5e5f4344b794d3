/**
 * The states of everything that has a life of its own, as data: the CHECK constraints, the queries and the
 * doors are built from these lists, so that a state cannot exist in one place and be unknown in another.
 */

export const userStatuses = ["active", "suspended", "closed"] as const;
export type UserStatus = (typeof userStatuses)[number];

export const ledgerKinds = ["credit", "adjustment", "invoice", "invoice-reversal"] as const;
export type LedgerKind = (typeof ledgerKinds)[number];

export const paymentKinds = ["first-monday", "mid-month"] as const;
/** `first-monday`: all users are paid. `mid-month`: returning users only. */
export type PaymentKind = (typeof paymentKinds)[number];

/** A kind of payment date, for people. */
export function describeKind(kind: PaymentKind): string {
  return kind === "first-monday" ? "first Monday: all users" : "mid-month: returning users";
}

export const runTriggers = ["schedule", "catch-up", "manual"] as const;
export type RunTrigger = (typeof runTriggers)[number];

export const decisions = ["pay", "skip"] as const;
export type Decision = (typeof decisions)[number];

/**
 * In the order in which they are tested: a user who fails several is told the first. The last one is no rule: it is what
 * a cancelled run says to those whom it would have paid.
 */
export const skipReasons = [
  "inactive",
  "below-minimum",
  "no-approved-method",
  "method-in-cooling-off",
  "first-time-waits",
  "run-cancelled",
] as const;
export type SkipReason = (typeof skipReasons)[number];

export const dispositions = ["return", "forfeit"] as const;
/** What becomes of a rejected invoice's money: back on the balance, or kept by the network. */
export type Disposition = (typeof dispositions)[number];

export const adminRoles = ["viewer", "operator", "admin"] as const;
/** `viewer` reads; `operator` reviews, retries and runs; `admin` does everything. Each may do what those before it may. */
export type AdminRole = (typeof adminRoles)[number];

/** From a state to those it may become. */
type Transitions<S extends string> = Readonly<Record<S, readonly NoInfer<S>[]>>;

function transitions<S extends string>(table: Transitions<S>): Transitions<S> {
  return table;
}

export const invoiceTransitions = transitions({
  pending: ["paid", "rejected"],
  paid: [],
  rejected: [],
});
export type InvoiceStatus = keyof typeof invoiceTransitions;

/** `replaced` is where an address goes when the user gave another one; a rejected address may still be approved. */
export const paymentMethodTransitions = transitions({
  pending: ["approved", "rejected", "replaced"],
  approved: ["rejected", "replaced"],
  rejected: ["approved", "replaced"],
  replaced: [],
});
export type PaymentMethodStatus = keyof typeof paymentMethodTransitions;

/** A completed run goes back to `processing` when its failed jobs are retried. */
export const runTransitions = transitions({
  deciding: ["fanning-out", "cancelled"],
  "fanning-out": ["processing", "cancelled"],
  processing: ["completed", "cancelled"],
  completed: ["processing"],
  cancelled: [],
});
export type RunState = keyof typeof runTransitions;

export const outcomeTransitions = transitions({
  open: ["invoiced", "skipped", "failed"],
  failed: ["open", "invoiced", "skipped"],
  invoiced: [],
  skipped: [],
});
/** What became of a decision. */
export type Outcome = keyof typeof outcomeTransitions;

/** `dropped`: what it told of was no longer so. A failed delivery is taken up again when an operator says so. */
export const deliveryTransitions = transitions({
  open: ["sent", "dropped", "failed"],
  failed: ["open", "sent", "dropped"],
  sent: [],
  dropped: [],
});
/** What became of an alert on one channel. */
export type DeliveryState = keyof typeof deliveryTransitions;

/** The states of a table, in the order they are written down. */
export function statesOf<S extends string>(table: Transitions<S>): readonly S[] {
  return Object.keys(table) as S[];
}

/** The states from which `to` may be reached: the `from` of a claim (`update ... where status = any(from)`). */
export function statesBefore<S extends string>(table: Transitions<S>, to: NoInfer<S>): readonly S[] {
  return statesOf(table).filter((from) => table[from].includes(to));
}

/** A run that still has work to do. */
export const unfinishedRunStates = ["deciding", "fanning-out", "processing"] as const satisfies readonly RunState[];
