import { type AlertMessage, describeKind, dollars } from "@cpa-payouts/core";
import {
  findOldestPending,
  findRun,
  findScheduler,
  getSettings,
  type SchedulerState,
  type schema,
  tallyInvoices,
} from "@cpa-payouts/db";
import type { Context } from "./context.ts";
import { type FoundAlert, findAlert } from "./raise-alerts.ts";
import { type RunSummary, summarizeRun } from "./summary.ts";

type Alert = typeof schema.alerts.$inferSelect;
type Text = Omit<AlertMessage, "id" | "link"> & { readonly path: string };

/**
 * Writes the message of an alert from the present state of the database.
 *
 * @returns null when the alert no longer applies: the run's failed users were retried, the missed date has a run, an
 *   invoice was reviewed, or a new local day has begun, which has an alert of its own
 */
export async function composeAlert(
  ctx: Pick<Context, "db" | "clock" | "policy" | "alerts">,
  alert: Alert,
): Promise<AlertMessage | null> {
  const present = await findAlert(ctx, alert);
  if (!present) return null;
  const { path, ...text } = await textOf(ctx, present);
  const { publicUrl } = ctx.alerts;
  return {
    // Two installations may have alerts with the same number; the instant makes the message id unique.
    id: `${alert.id}-${alert.raisedAt.getTime()}`,
    ...text,
    link: publicUrl && `${publicUrl}${path}`,
  };
}

/** The message of `payouts alerts test`. It reports no event and only tries the channels. */
export function composeTest({ clock, alerts }: Pick<Context, "clock" | "alerts">): AlertMessage {
  return {
    id: `test-${clock().getTime()}`,
    headline: "This is a test of the alerts of CPA Payouts",
    advice: "Nothing has happened.",
    details: [],
    link: alerts.publicUrl,
  };
}

async function textOf({ db }: Pick<Context, "db">, present: FoundAlert): Promise<Text> {
  if ("text" in present) return { ...present.text, path: "/" };
  const paymentDate = present.paymentDate ?? "";
  switch (present.event) {
    case "run-finished":
      return finished(await summaryOf({ db }, paymentDate));
    case "run-cancelled":
      return cancelled(await summaryOf({ db }, paymentDate));
    case "date-missed":
      return missed(paymentDate);
    case "review-overdue":
      return overdue({ db });
    case "tick-failed":
      return failing(await findScheduler(db));
  }
}

async function summaryOf(ctx: Pick<Context, "db">, paymentDate: string): Promise<RunSummary> {
  const run = await findRun(ctx.db, paymentDate);
  if (!run) throw new Error(`there is no run of ${paymentDate}`);
  return summarizeRun(ctx, run);
}

function finished(summary: RunSummary): Text {
  const { paymentDate, failed } = summary;
  const withFailures = failed > 0 ? ` with ${count(failed, "failed user")}` : "";
  return {
    headline: `Payment run ${paymentDate} finished${withFailures}: ${invoiced(summary)}`,
    advice:
      failed > 0
        ? `"payouts runs show ${paymentDate}" says why they failed, "payouts retry --date ${paymentDate}" tries them again.`
        : "The invoices can be reviewed.",
    details: detailsOf(summary),
    path: `/runs/${paymentDate}`,
  };
}

function cancelled(summary: RunSummary): Text {
  const { paymentDate } = summary;
  return {
    headline: `Payment run ${paymentDate} was cancelled: ${invoiced(summary)} before that`,
    advice:
      "Users who were not invoiced keep their balances for a later date; the audit log says who cancelled the run and why.",
    details: detailsOf(summary),
    path: `/runs/${paymentDate}`,
  };
}

function missed(paymentDate: string): Text {
  return {
    headline: `Payment date ${paymentDate} was missed: it has no run, and it is too old to be run automatically`,
    advice: `"payouts run --date ${paymentDate}" makes up for it.`,
    details: ["This alert is repeated every day until the date has a run."],
    path: "/",
  };
}

async function overdue({ db }: Pick<Context, "db">): Promise<Text> {
  const pending = (await tallyInvoices(db)).find(({ status }) => status === "pending");
  const { invoices, amountCents } = pending ?? { invoices: 0, amountCents: 0n };
  const oldest = await findOldestPending(db);
  const { reviewAlertDays } = await getSettings(db);
  const waits = invoices === 1 ? "awaits review" : "await review";
  return {
    headline: `No invoice has been reviewed for ${count(reviewAlertDays, "day")}: ${count(invoices, "invoice")} for ${dollars(amountCents)} ${waits}`,
    advice: "Review the pending invoices.",
    details: [
      `The oldest pending invoice is of payment date ${oldest?.paymentDate}.`,
      "This alert is repeated every day until an invoice is reviewed.",
    ],
    path: "/invoices?status=pending",
  };
}

function failing(scheduler: SchedulerState | null): Text {
  const { failingSince, failedSteps } = scheduler ?? {};
  return {
    headline: `Ticks have failed since ${failingSince?.toISOString()}, the last one at: ${failedSteps}`,
    advice: 'The log says why ("tick.step-failed"), and so does "last-tick" of /readyz.',
    details: [
      "A tick opens and resumes payment runs and raises alerts. Its other steps were done.",
      "This alert is repeated every day until a tick does every step.",
    ],
    path: "/",
  };
}

function invoiced({ invoiced, totalCents }: RunSummary): string {
  return `${count(invoiced, "invoice")} for ${dollars(totalCents)}`;
}

function detailsOf({ paymentDate, kind, considered, invoiced, failed, skipped, totalCents }: RunSummary): string[] {
  const skippedUsers = Object.values(skipped).reduce((sum, users) => sum + users, 0);
  return [
    `Payment date   ${paymentDate} (${describeKind(kind)})`,
    `Considered     ${considered}`,
    `Invoiced       ${invoiced} for ${dollars(totalCents)}`,
    `Skipped        ${skippedUsers}`,
    `Failed         ${failed}`,
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
