import { Readable } from "node:stream";
import type { InputOf } from "@cpa-payouts/contract";
import {
  addDays,
  addMonths,
  defined,
  dueAt,
  formatCents,
  localDateAt,
  type PaymentDate,
  paymentDatesBetween,
  type Schedule,
  toIcs,
} from "@cpa-payouts/core";
import {
  type AuditEntry,
  countMethods,
  describeError,
  findOldestPending,
  isConnectionError,
  listAuditLog,
  listRuns,
  tallyInvoices,
} from "@cpa-payouts/db";
import { findMissedDates, findNextDate, findScheduleInUse, summarizeRun } from "@cpa-payouts/pipeline";
import type { Api } from "../api.ts";
import type { Handlers } from "../calls.ts";
import { positions, readCursor, toPage } from "../cursors.ts";

export const overviewHandlers: Handlers<"overview"> = {
  readDashboard: async (api) => {
    const { read, unavailable } = figureReader(api);
    const [invoices, oldestPending, users, pendingMethods, lastRun, nextPaymentDate, missedPaymentDates] =
      await Promise.all([
        read("invoices", () => invoicesByStatus(api)),
        read("oldestPending", () => oldestPendingOf(api)),
        read("users", () => usersByStatus(api)),
        read("pendingMethods", () => countMethods(api.ctx.db, "pending")),
        read("lastRun", () => lastRunOf(api)),
        read("nextPaymentDate", async () => presentDate(api, await findNextDate(api.ctx, api.ctx.policy))),
        read("missedPaymentDates", async () => [...(await findMissedDates(api.ctx, api.ctx.policy))]),
      ]);
    const figures = { invoices, oldestPending, users, pendingMethods, lastRun, nextPaymentDate, missedPaymentDates };
    return { ...figures, unavailable };
  },

  listPaymentDates: async (api, { query }) => ({
    items: datesOf(api, query).map((date) => presentDate(api, date)),
    schedule: await presentSchedule(api),
  }),

  exportCalendar: async (api, { query }) => ({
    stream: Readable.from([toIcs(datesOf(api, query), api.ctx.clock())]),
    fileName: "payment-dates.ics",
  }),

  listAuditLog: async ({ ctx }, { query }) => {
    const { limit, cursor, ...words } = query;
    const filter = defined(words);
    const after = readCursor(positions.byInstant, cursor);
    const rows = await listAuditLog(ctx.db, filter, defined({ limit: limit + 1, after }));
    return toPage(rows, limit, { present: presentAuditEntry, position: ({ id, at }) => ({ id, at }) });
  },
};

/**
 * Creates a function that reads a figure. One that cannot be read is null, is logged and is named in `unavailable`, so that
 * it does not take the whole dashboard with it. While the database is away, no figure is read, and the request fails.
 */
function figureReader({ ctx }: Api) {
  const unavailable: string[] = [];
  const read = async <T>(figure: string, look: () => Promise<T>): Promise<T | null> => {
    try {
      return await look();
    } catch (cause) {
      if (isConnectionError(cause)) throw cause;
      ctx.log.error({ figure, error: describeError(cause) }, "dashboard.figure-failed");
      unavailable.push(figure);
      return null;
    }
  };
  return { read, unavailable };
}

async function invoicesByStatus({ ctx }: Api) {
  const tallies = await tallyInvoices(ctx.db);
  return tallies.map(({ amountCents, ...tally }) => ({ ...tally, amount: formatCents(amountCents) }));
}

async function usersByStatus(api: Api) {
  const tallies = await api.userTallies();
  return tallies.map(({ balanceCents, ...tally }) => ({ ...tally, balance: formatCents(balanceCents) }));
}

async function oldestPendingOf({ ctx }: Api) {
  const oldest = await findOldestPending(ctx.db);
  return oldest && { number: oldest.number, createdAt: oldest.createdAt.toISOString() };
}

async function lastRunOf({ ctx }: Api) {
  const [run] = await listRuns(ctx.db, { limit: 1 });
  if (!run) return null;
  const { invoiced, failed, totalCents } = await summarizeRun(ctx, run);
  return { paymentDate: run.paymentDate, state: run.state, invoiced, failed, total: formatCents(totalCents) };
}

function datesOf({ ctx }: Api, { from, months }: InputOf<"listPaymentDates">["query"]): PaymentDate[] {
  const first = from ?? localDateAt(ctx.clock(), ctx.policy.schedule.timeZone);
  return paymentDatesBetween(first, addDays(addMonths(first, months), -1));
}

function presentDate({ ctx }: Api, { date, kind }: PaymentDate) {
  return { paymentDate: date, kind, dueAt: dueAt(date, ctx.policy.schedule).toISOString() };
}

async function presentSchedule({ ctx }: Api) {
  const inUse = await findScheduleInUse(ctx);
  if (!inUse) return null;
  const { present, past, since, liveFrom, isDisputed } = inUse;
  return {
    ...namesOf(present),
    since: since.toISOString(),
    liveFrom,
    past: past && { ...namesOf(past), lastFollowedAt: past.seenAt.toISOString() },
    isDisputed,
  };
}

function namesOf({ pattern, timeZone }: Schedule) {
  return { tickCron: pattern, timeZone };
}

function presentAuditEntry(entry: AuditEntry) {
  return { ...entry, at: entry.at.toISOString() };
}
