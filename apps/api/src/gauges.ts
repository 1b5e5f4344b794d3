import {
  findOldestPending,
  findScheduler,
  invoiceStatuses,
  listUnfinishedRuns,
  noDecisions,
  tallyInvoices,
  totalsOfRuns,
} from "@cpa-payouts/db";
import { countJobs } from "@cpa-payouts/jobs";
import { type Context, findMissedDates, findOverdueDates, separateSteps } from "@cpa-payouts/pipeline";

/** The name, help and present values of a gauge. */
export interface GaugeReading {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * The gauges read from the database. They use tallies and single index rows, so the cost does not grow with invoices. One
 * that cannot be read is left out and logged, and does not stop the others.
 */
export async function databaseGauges(ctx: Context): Promise<GaugeReading[]> {
  const { run } = separateSteps(async (failures) => ctx.log.error({ ...failures.at(-1) }, "metrics.gauges-failed"));
  const readings = await Promise.all([
    run("invoices", () => invoiceGauges(ctx)),
    run("oldest-pending", () => oldestPending(ctx)),
    run("run-users", () => runProgress(ctx)),
    run("ticks", () => ticks(ctx)),
    run("payment-dates", () => dates(ctx)),
  ]);
  return readings.flatMap((gauges) => gauges ?? []);
}

/** The gauges read from the queues: jobs by queue and state, and which queues are paused. */
export async function queueGauges({ queues }: Context): Promise<GaugeReading[]> {
  const counts = await countJobs(queues);
  return [
    {
      name: "payouts_queue_jobs",
      help: "Jobs by queue and state; completed and failed jobs count only while the queue keeps them",
      samples: counts.flatMap(({ queue, jobs }) =>
        Object.entries(jobs).map(([state, value]) => ({ labels: { queue, state }, value })),
      ),
    },
    {
      name: "payouts_queue_paused",
      help: "Whether a queue is paused",
      samples: counts.map(({ queue, isPaused }) => ({ labels: { queue }, value: isPaused ? 1 : 0 })),
    },
  ];
}

async function invoiceGauges({ db }: Context): Promise<GaugeReading[]> {
  const tallies = await tallyInvoices(db);
  const byStatus = invoiceStatuses.map((status) => ({
    labels: { status },
    tally: tallies.find((tally) => tally.status === status),
  }));
  return [
    {
      name: "payouts_invoices",
      help: "Invoices by status",
      samples: byStatus.map(({ labels, tally }) => ({ labels, value: tally?.invoices ?? 0 })),
    },
    {
      name: "payouts_invoices_amount_cents",
      help: "Total amount of the invoices by status, in US cents",
      samples: byStatus.map(({ labels, tally }) => ({ labels, value: Number(tally?.amountCents ?? 0n) })),
    },
  ];
}

async function oldestPending({ db, clock }: Context): Promise<GaugeReading> {
  const oldest = await findOldestPending(db);
  return {
    name: "payouts_oldest_pending_invoice_age_seconds",
    help: "How long the oldest pending invoice has waited for review; 0 when there is none",
    samples: [{ value: oldest ? ageInSeconds(oldest.createdAt, clock()) : 0 }],
  };
}

async function runProgress({ db }: Context): Promise<GaugeReading> {
  const runs = await listUnfinishedRuns(db);
  const totals = await totalsOfRuns(
    db,
    runs.map(({ id }) => id),
  );
  const samples = runs.flatMap(({ id, paymentDate }) => {
    const { open, invoiced, failed, considered } = totals.get(id) ?? noDecisions;
    const outcomes = { open, invoiced, failed, skipped: considered - open - invoiced - failed };
    return Object.entries(outcomes).map(([outcome, value]) => ({
      labels: { payment_date: paymentDate, outcome },
      value,
    }));
  });
  return {
    name: "payouts_run_users",
    help: "Users considered by unfinished runs, by outcome; open users are not processed yet",
    samples,
  };
}

async function ticks({ db, clock }: Context): Promise<GaugeReading[]> {
  const scheduler = await findScheduler(db);
  const success = scheduler?.lastSuccessAt;
  return [
    {
      name: "payouts_last_tick_age_seconds",
      help: "Time since the last tick; absent before the first one",
      samples: scheduler ? [{ value: ageInSeconds(scheduler.lastTickAt, clock()) }] : [],
    },
    {
      name: "payouts_last_tick_success_age_seconds",
      help: "Time since the last tick that did every step; absent before the first one",
      samples: success ? [{ value: ageInSeconds(success, clock()) }] : [],
    },
    {
      name: "payouts_ticks_failing",
      help: "Whether the last tick failed at a step; absent before the first tick",
      samples: scheduler ? [{ value: scheduler.failingSince ? 1 : 0 }] : [],
    },
  ];
}

async function dates(ctx: Context): Promise<GaugeReading[]> {
  const [missed, overdue] = await Promise.all([findMissedDates(ctx, ctx.policy), findOverdueDates(ctx, ctx.policy)]);
  return [
    {
      name: "payouts_payment_dates_missed",
      help: "Payment dates without a run that are too old to be run automatically",
      samples: [{ value: missed.length }],
    },
    {
      name: "payouts_payment_dates_overdue",
      help: "Payment dates without a run an hour after they were due, including missed ones",
      samples: [{ value: overdue.length }],
    },
  ];
}

/** Never negative: a simulated clock may be earlier than a stored instant. */
function ageInSeconds(since: Date, now: Date): number {
  return Math.max(0, now.getTime() - since.getTime()) / 1_000;
}
