import type { Client } from "@cpa-payouts/contract";

/** A request that a front end sends often, with arguments chosen by `random`. */
export interface Question {
  readonly name: string;
  ask(client: Client, random: Random): Promise<unknown>;
}

/** Returns a whole number from 1 to `to`. */
export type Random = (to: number) => number;

const DATES = ["2026-09-07", "2026-09-21", "2026-10-05", "2026-10-19", "2026-11-02"];
const NAMES = ["ada", "ben", "cyd", "dan", "eve", "fay", "gus", "hal"];
const sorts = ["newest", "oldest", "largest", "smallest"] as const;
const statuses = ["pending", "paid", "rejected"] as const;

const dateOf = (random: Random) => DATES[random(DATES.length) - 1] ?? "";

/** Every list, search and figure of the API. */
export function questionsOf(users: number): Question[] {
  return [
    { name: "dashboard", ask: (client) => client.readDashboard() },
    ...listsOfInvoices(users),
    ...searches(users),
    ...singleInvoicesAndTotals(users),
    ...runQuestions(),
    ...userQuestions(users),
    { name: "methods to review", ask: (client) => client.listMethods({ query: { status: "pending" } }) },
    { name: "methods", ask: (client) => client.listMethods() },
    ...auditLogs(users),
    { name: "calendar", ask: (client) => client.listPaymentDates() },
  ];
}

function listsOfInvoices(users: number): Question[] {
  return [
    ...sorts.map((sort) => ({
      name: `invoices, ${sort}`,
      ask: (client: Client) => client.listInvoices({ query: { sort } }),
    })),
    ...statuses.flatMap((status) =>
      sorts.map((sort) => ({
        name: `invoices, ${status}, ${sort}`,
        ask: (client: Client) => client.listInvoices({ query: { status, sort } }),
      })),
    ),
    ...sorts.map((sort) => ({
      name: `invoices of a run, ${sort}`,
      ask: (client: Client, random: Random) => client.listInvoices({ query: { paymentDate: dateOf(random), sort } }),
    })),
    {
      name: "invoices of a run and status, largest",
      ask: (client, random) =>
        client.listInvoices({
          query: { paymentDate: dateOf(random), status: statuses[random(3) - 1] ?? "paid", sort: "largest" },
        }),
    },
    { name: "invoices, ten pages deep", ask: (client, random) => tenPages(client, random) },
    {
      name: "invoices of a user",
      ask: (client, random) => client.listInvoices({ query: { externalId: `user-${random(users)}` } }),
    },
    {
      name: "invoices by amount",
      ask: (client, random) => client.listInvoices({ query: amountsFrom(random(9)) }),
    },
  ];
}

function searches(users: number): Question[] {
  return [
    {
      name: "search: a number",
      ask: (client, random) => client.listInvoices({ query: { search: `INV-20261102-${random(users)}` } }),
    },
    {
      name: "search: an external id",
      ask: (client, random) => client.listInvoices({ query: { search: `user-${random(users)}` } }),
    },
    {
      name: "search: an e-mail",
      ask: (client, random) => client.listInvoices({ query: { search: `USER-${random(users)}@example.com` } }),
    },
    {
      name: "search: name prefix, few matches",
      ask: (client, random) => client.listInvoices({ query: { search: `${NAMES[random(8) - 1]} ${random(999)}` } }),
    },
    {
      name: "search: name prefix, many matches",
      ask: (client, random) => client.listInvoices({ query: { search: NAMES[random(8) - 1] ?? "" } }),
    },
    {
      name: "search: name prefix, many matches, pending, largest",
      ask: (client, random) =>
        client.listInvoices({ query: { search: NAMES[random(8) - 1] ?? "", status: "pending", sort: "largest" } }),
    },
    { name: "search: no match", ask: (client) => client.listInvoices({ query: { search: "zzz" } }) },
  ];
}

function singleInvoicesAndTotals(users: number): Question[] {
  return [
    {
      name: "one invoice",
      ask: (client, random) => client.readInvoice({ params: { number: `INV-20261019-${paidUserId(random, users)}` } }),
    },
    { name: "totals of a status", ask: (client) => client.totalInvoices({ query: { status: "paid" } }) },
    {
      name: "totals of a run",
      ask: (client, random) => client.totalInvoices({ query: { paymentDate: dateOf(random) } }),
    },
  ];
}

function runQuestions(): Question[] {
  return [
    { name: "runs", ask: (client) => client.listRuns() },
    { name: "one run", ask: (client, random) => client.readRun({ params: { date: dateOf(random) } }) },
    {
      name: "decisions of a run",
      ask: (client, random) => client.listDecisions({ params: { date: dateOf(random) } }),
    },
    {
      name: "decisions, failed",
      ask: (client, random) => client.listDecisions({ params: { date: dateOf(random) }, query: { outcome: "failed" } }),
    },
    {
      name: "decisions, skipped for a reason",
      ask: (client, random) =>
        client.listDecisions({ params: { date: dateOf(random) }, query: { reason: "no-approved-method" } }),
    },
  ];
}

function userQuestions(users: number): Question[] {
  return [
    { name: "users", ask: (client) => client.listUsers() },
    { name: "users, newest", ask: (client) => client.listUsers({ query: { sort: "newest" } }) },
    { name: "users who are owed much", ask: (client) => client.listUsers({ query: { minimumBalance: "300.00" } }) },
    { name: "users, suspended", ask: (client) => client.listUsers({ query: { status: "suspended" } }) },
    {
      name: "users with a pending payment method",
      ask: (client) => client.listUsers({ query: { method: "pending" } }),
    },
    {
      name: "users with a rejected payment method",
      ask: (client) => client.listUsers({ query: { method: "rejected" } }),
    },
    {
      name: "users: search",
      ask: (client, random) => client.listUsers({ query: { search: `${NAMES[random(8) - 1]} ${random(99)}` } }),
    },
    {
      name: "one user",
      ask: (client, random) => client.readUser({ params: { externalId: `user-${random(users)}` } }),
    },
    {
      name: "ledger of a user",
      ask: (client, random) => client.listLedger({ params: { externalId: `user-${random(users)}` } }),
    },
    {
      name: "why a user was (not) paid",
      ask: (client, random) => client.explainUser({ params: { externalId: `user-${random(users)}` } }),
    },
  ];
}

function auditLogs(users: number): Question[] {
  return [
    { name: "audit log", ask: (client) => client.listAuditLog() },
    { name: "audit log of an actor", ask: (client) => client.listAuditLog({ query: { actor: "bench@example.com" } }) },
    { name: "audit log of an action", ask: (client) => client.listAuditLog({ query: { action: "run.open" } }) },
    {
      name: "audit log of an invoice",
      ask: (client, random) => client.listAuditLog({ query: { object: `invoice:INV-20261005-${random(users)}` } }),
    },
    {
      name: "audit log of a day",
      ask: (client) => client.listAuditLog({ query: { from: "2026-10-05T00:00:00Z", to: "2026-10-06T00:00:00Z" } }),
    },
  ];
}

/** A range of ten cents. */
function amountsFrom(dollars: number) {
  return { minimumAmount: `${150 + dollars}.00`, maximumAmount: `${150 + dollars}.09` };
}

/** The id of an active user with an approved payment method; the others have no invoice. */
function paidUserId(random: Random, users: number): number {
  for (;;) {
    const id = random(users);
    if ([997, 499, 991].every((every) => id % every !== 0)) return id;
  }
}

async function tenPages(client: Client, random: Random): Promise<void> {
  let cursor: string | null | undefined;
  for (let page = 0; page < 10; page++) {
    const query = { limit: 100, paymentDate: DATES[random(1)] ?? "", ...(cursor ? { cursor } : {}) };
    ({ next: cursor } = await client.listInvoices({ query }));
  }
}
