import { invoiceTransitions, paymentKinds, runTransitions, statesOf, userStatuses } from "@cpa-payouts/core";
import { z } from "zod";
import { amount, dateInput, instant, instantInput, localDate, pageOf, pageQuery, wholeNumber } from "./fields.ts";
import { operation } from "./operation.ts";

const calendarQuery = z.object({
  from: dateInput.optional(),
  months: wholeNumber(1, 120).prefault(12),
});
const schedule = { tickCron: z.string(), timeZone: z.string() };
const scheduleInUse = z
  .object({
    ...schedule,
    since: instant,
    /** The first local date that is run automatically. */
    liveFrom: localDate,
    /** The schedule before, with the instant of the last tick that followed it. */
    past: z.object({ ...schedule, lastFollowedAt: instant }).nullable(),
    /** Whether ticks of the last hour followed both: not all workers have the same schedule. */
    isDisputed: z.boolean(),
  })
  .meta({ id: "ScheduleInUse" });
const reads = { role: "viewer", scope: "runs:read" } as const;

const auditEntry = z
  .object({
    id: z.int(),
    at: instant,
    actor: z.string(),
    action: z.string(),
    object: z.string(),
    reason: z.string().nullable(),
    before: z.unknown(),
    after: z.unknown(),
    requestId: z.string().nullable(),
    clientAddress: z.string().nullable(),
  })
  .meta({ id: "AuditEntry" });

export const overviewOperations = {
  readDashboard: operation({
    method: "GET",
    path: "/api/v1/dashboard",
    summary: "The figures of the dashboard",
    access: { role: "viewer", scope: "invoices:read" },
    response: z.object({
      invoices: z
        .array(z.object({ status: z.enum(statesOf(invoiceTransitions)), invoices: z.int(), amount }))
        .nullable(),
      oldestPending: z.object({ number: z.string(), createdAt: instant }).nullable(),
      /** At most ten seconds old. */
      users: z.array(z.object({ status: z.enum(userStatuses), users: z.int(), balance: amount })).nullable(),
      pendingMethods: z.int().nullable(),
      lastRun: z
        .object({
          paymentDate: localDate,
          state: z.enum(statesOf(runTransitions)),
          invoiced: z.int(),
          failed: z.int(),
          total: amount,
        })
        .nullable(),
      nextPaymentDate: z.object({ paymentDate: localDate, kind: z.enum(paymentKinds), dueAt: instant }).nullable(),
      /** Payment dates without a run that are too old to be run automatically. */
      missedPaymentDates: z.array(localDate).nullable(),
      /** The names of the figures that could not be read, which are null; the server's log says why. */
      unavailable: z.array(z.string()),
    }),
  }),
  listPaymentDates: operation({
    method: "GET",
    path: "/api/v1/calendar",
    summary: "Payment dates",
    access: reads,
    query: calendarQuery,
    response: z.object({
      items: z.array(z.object({ paymentDate: localDate, kind: z.enum(paymentKinds), dueAt: instant })),
      /** The schedule that the ticks follow; null before the first tick. */
      schedule: scheduleInUse.nullable(),
    }),
  }),
  exportCalendar: operation({
    method: "GET",
    path: "/api/v1/calendar.ics",
    summary: "Payment dates as an iCalendar file",
    access: reads,
    query: calendarQuery,
    response: "text/calendar",
  }),
  listAuditLog: operation({
    method: "GET",
    path: "/api/v1/audit-log",
    summary: "Who changed what, newest first",
    access: { role: "viewer", scope: "audit:read" },
    query: z.object({
      actor: z.string().max(255).optional(),
      action: z.string().max(100).optional(),
      object: z
        .string()
        .max(255)
        .optional()
        .meta({ description: "such as invoice:INV-20261207-17, run:2026-12-07, user:42" }),
      from: instantInput.optional(),
      to: instantInput.optional(),
      ...pageQuery,
    }),
    response: pageOf(auditEntry),
  }),
};
