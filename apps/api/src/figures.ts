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
import { type Context, findMissedDates, findOverdueDates } from "@cpa-payouts/pipeline";

/** A gauge with its values at this moment. */
export interface Figure {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What the database says, from tallies and single rows of indexes: it costs the same however many invoices there are. */
export async function databaseFigures(ctx: Context): Promise<Figure[]> {
  const figures = await Promise.all([
    invoiceFigures(ctx),
    oldestPending(ctx),
    runProgress(ctx),
    tickAge(ctx),
    dates(ctx),
  ]);
  return figures.flat();
}

/** What the queue says. */
export async function queueFigures({ queues }: Context): Promise<Figure[]> {
  const counts = await countJobs(queues);
  return [
    {
      name: "payouts_queue_jobs",
      help: "Jobs in a queue by state; completed and failed ones as far as they are kept",
      samples: counts.flatMap(({ queue, jobs }) =>
        Object.entries(jobs).map(([state, value]) => ({ labels: { queue, state }, value })),
      ),
    },
    {
      name: "payouts_queue_paused",
      help: "Whether somebody stopped a queue",
      samples: counts.map(({ queue, isPaused }) => ({ labels: { queue }, value: isPaused ? 1 : 0 })),
    },
  ];
}

async function invoiceFigures({ db }: Context): Promise<Figure[]> {
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
      help: "What the invoices of a status come to, in US cents",
      samples: byStatus.map(({ labels, tally }) => ({ labels, value: Number(tally?.amountCents ?? 0n) })),
    },
  ];
}

async function oldestPending({ db, clock }: Context): Promise<Figure> {
  const oldest = await findOldestPending(db);
  return {
    name: "payouts_oldest_pending_invoice_age_seconds",
    help: "For how long the oldest pending invoice has waited for review; 0 when none does",
    samples: [{ value: oldest ? ageInSeconds(oldest.createdAt, clock()) : 0 }],
  };
}

async function runProgress({ db }: Context): Promise<Figure> {
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
    help: "Users considered by the runs that are not finished, by what became of them; whoever is open is still to do",
    samples,
  };
}

async function tickAge({ db, clock }: Context): Promise<Figure> {
  const scheduler = await findScheduler(db);
  return {
    name: "payouts_last_tick_age_seconds",
    help: "Time since the last tick; absent before the first one",
    samples: scheduler ? [{ value: ageInSeconds(scheduler.lastTickAt, clock()) }] : [],
  };
}

async function dates(ctx: Context): Promise<Figure[]> {
  const [missed, overdue] = await Promise.all([findMissedDates(ctx, ctx.policy), findOverdueDates(ctx, ctx.policy)]);
  return [
    {
      name: "payouts_payment_dates_missed",
      help: "Payment dates without a run that are too old to be made up for by themselves",
      samples: [{ value: missed.length }],
    },
    {
      name: "payouts_payment_dates_overdue",
      help: "Payment dates without a run an hour after they were due, the missed ones among them",
      samples: [{ value: overdue.length }],
    },
  ];
}

/** Never negative: a pretended clock may stand before what is stored. */
function ageInSeconds(since: Date, now: Date): number {
  return Math.max(0, now.getTime() - since.getTime()) / 1_000;
}
