/**
 * The states of users, runs, decisions, invoices, payment methods and deliveries, as data. The CHECK constraints, the
 * decoders, the command line and the API are built from these lists, so a state known to one of them is known to all.
 */

export const userStatuses = ["active", "suspended", "closed"] as const;
export type UserStatus = (typeof userStatuses)[number];

export const ledgerKinds = ["credit", "adjustment", "invoice", "invoice-reversal"] as const;
export type LedgerKind = (typeof ledgerKinds)[number];

export const paymentKinds = ["first-monday", "mid-month"] as const;
/** `first-monday`: all users are paid. `mid-month`: returning users only. */
export type PaymentKind = (typeof paymentKinds)[number];

/** Describes a kind of payment date for people. */
export function describeKind(kind: PaymentKind): string {
  return kind === "first-monday" ? "first Monday: all users" : "mid-month: returning users";
}

export const runTriggers = ["schedule", "catch-up", "manual"] as const;
export type RunTrigger = (typeof runTriggers)[number];

export const decisions = ["pay", "skip"] as const;
export type Decision = (typeof decisions)[number];

/** The reasons that lie with the user: what a user may be missing for a payment. */
export const userReasons = ["inactive", "below-minimum", "no-approved-method", "method-in-cooling-off"] as const;
export type UserReason = (typeof userReasons)[number];

/**
 * The reasons of the rule "Who is paid", in the order in which a run tests them: it stores the first that applies.
 * `first-time-waits` lies with the date: the user is paid on a later one without any change.
 */
export const ruleReasons = [...userReasons, "first-time-waits"] as const;
export type RuleReason = (typeof ruleReasons)[number];

/** The reasons that an administrator causes. `run-cancelled` marks the users whom the run would have paid. */
const administratorReasons = ["run-cancelled"] as const;
type AdministratorReason = (typeof administratorReasons)[number];

/** All reasons to skip a user. CONTRIBUTING.md lists what a new one needs. */
export const skipReasons = [...ruleReasons, ...administratorReasons] as const;
export type SkipReason = RuleReason | AdministratorReason;

export const dispositions = ["return", "forfeit"] as const;
/** `return` puts a rejected invoice's amount back on the balance; with `forfeit` the network keeps it. */
export type Disposition = (typeof dispositions)[number];

export const adminRoles = ["viewer", "operator", "admin"] as const;
/**
 * `viewer` reads. `operator` also reviews, adds credits, and opens, retries and cancels runs. `admin` does everything. Each
 * role includes the previous one.
 */
export type AdminRole = (typeof adminRoles)[number];

/** Maps each state to the states that may follow it. */
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

/** `replaced`: the user has given another Binance e-mail. A rejected method may still be approved. */
export const paymentMethodTransitions = transitions({
  pending: ["approved", "rejected", "replaced"],
  approved: ["rejected", "replaced"],
  rejected: ["approved", "replaced"],
  replaced: [],
});
export type PaymentMethodStatus = keyof typeof paymentMethodTransitions;

/**
 * A run goes back to `fanning-out` when its failed users are retried, or when many of its jobs were lost. In `cancelling`
 * nothing more is decided or invoiced, and the users without an invoice are being skipped.
 */
export const runTransitions = transitions({
  deciding: ["fanning-out", "cancelling"],
  "fanning-out": ["processing", "cancelling"],
  processing: ["completed", "fanning-out", "cancelling"],
  completed: ["fanning-out"],
  cancelling: ["cancelled"],
  cancelled: [],
});
export type RunState = keyof typeof runTransitions;

export const outcomeTransitions = transitions({
  open: ["invoiced", "skipped", "failed"],
  failed: ["open", "invoiced", "skipped"],
  invoiced: [],
  skipped: [],
});
/** The outcome of a decision; `open` until it is settled. */
export type Outcome = keyof typeof outcomeTransitions;

/** `dropped`: the alert was no longer true when it was to be sent. An operator may reopen a failed delivery. */
export const deliveryTransitions = transitions({
  open: ["sent", "dropped", "failed"],
  failed: ["open", "sent", "dropped"],
  sent: [],
  dropped: [],
});
/** The state of one alert on one channel. */
export type DeliveryState = keyof typeof deliveryTransitions;

/** The states of a table, in the order of their declaration. */
export function statesOf<S extends string>(table: Transitions<S>): readonly S[] {
  return Object.keys(table) as S[];
}

/** The states from which `to` may be reached: the `from` of a claim (`update ... where status = any(from)`). */
export function statesBefore<S extends string>(table: Transitions<S>, to: NoInfer<S>): readonly S[] {
  return statesOf(table).filter((from) => table[from].includes(to));
}

/** The states of a run that still has work to do. */
export const unfinishedRunStates = [
  "deciding",
  "fanning-out",
  "processing",
  "cancelling",
] as const satisfies readonly RunState[];

/** The states of a run that an administrator has cancelled: no invoice may be created any more. */
export const cancelledRunStates = ["cancelling", "cancelled"] as const satisfies readonly RunState[];

/** Whether an administrator has cancelled a run that is in this state. */
export function isCancelled(state: RunState): state is (typeof cancelledRunStates)[number] {
  return cancelledRunStates.some((cancelled) => cancelled === state);
}
