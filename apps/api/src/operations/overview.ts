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
  findOldestPending,
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
    const { db, policy } = api.ctx;
    const [invoices, oldest, users, pendingMethods, lastRun, nextDate, missed] = await Promise.all([
      tallyInvoices(db),
      findOldestPending(db),
      api.userTallies(),
      countMethods(db, "pending"),
      lastRunOf(api),
      findNextDate(api.ctx, policy),
      findMissedDates(api.ctx, policy),
    ]);
    return {
      invoices: invoices.map(({ amountCents, ...tally }) => ({ ...tally, amount: formatCents(amountCents) })),
      oldestPending: oldest ? { number: oldest.number, createdAt: oldest.createdAt.toISOString() } : null,
      users: users.map(({ balanceCents, ...tally }) => ({ ...tally, balance: formatCents(balanceCents) })),
      pendingMethods,
      lastRun,
      nextPaymentDate: presentDate(api, nextDate),
      missedPaymentDates: [...missed],
    };
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
    const { limit, cursor, from, to, ...words } = query;
    const filter = defined({ ...words, from: from ? new Date(from) : undefined, to: to ? new Date(to) : undefined });
    const after = readCursor(positions.byInstant, cursor);
    const rows = await listAuditLog(ctx.db, filter, defined({ limit: limit + 1, after }));
    return toPage(rows, limit, { present: presentAuditEntry, position: ({ id, at }) => ({ id, at }) });
  },
};

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
