import {
  defined,
  formatCents,
  InputError,
  parseLocalDate,
  runTransitions,
  skipReasons,
  statesOf,
} from "@cpa-payouts/core";
import { findRun, listFailures, listRuns, type PaymentRun } from "@cpa-payouts/db";
import { type RunSummary, summarizeRun, summarizeRuns } from "@cpa-payouts/pipeline";
import { readChoice } from "../choices.ts";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { summaryLines } from "../present.ts";

/**
 * `payouts runs`: prints payment runs with their totals, newest first.
 *
 * @throws InputError for an unknown state
 */
export async function printRuns(cli: Cli, options: { state?: string; limit?: number }): Promise<undefined> {
  const state = readChoice("--state", options.state, statesOf(runTransitions));
  await withDatabase(cli, async (ctx) => {
    const runs = await listRuns(ctx.db, defined({ state, limit: options.limit }));
    const rows = (await summarizeRuns(ctx, runs)).map(toRow);
    await cli.output.list(
      [
        { key: "paymentDate" },
        { key: "kind" },
        { key: "trigger" },
        { key: "state" },
        { key: "considered", align: "right" },
        { key: "invoiced", align: "right" },
        { key: "skipped", align: "right" },
        { key: "failed", align: "right" },
        { key: "total", align: "right" },
        { key: "openedAt" },
        { key: "completedAt" },
      ],
      rows,
    );
  });
}

function toRow({ run, summary }: { run: PaymentRun; summary: RunSummary }) {
  return {
    paymentDate: run.paymentDate,
    kind: run.kind,
    trigger: run.trigger,
    state: run.state,
    considered: summary.considered,
    invoiced: summary.invoiced,
    skipped: skipReasons.reduce((sum, reason) => sum + (summary.skipped[reason] ?? 0), 0),
    failed: summary.failed,
    total: formatCents(summary.totalCents),
    openedAt: run.openedAt.toISOString(),
    completedAt: run.completedAt?.toISOString() ?? null,
  };
}

/**
 * `payouts runs show`: prints the summary of one run, and its failed users with the reason of each.
 *
 * @throws InputError when there is no run of that date
 */
export async function showRun(cli: Cli, date: string): Promise<undefined> {
  const paymentDate = parseLocalDate(date);
  await withDatabase(cli, async (ctx) => {
    const run = await findRun(ctx.db, paymentDate);
    if (!run) throw new InputError(`there is no run of ${paymentDate}`);
    const summary = await summarizeRun(ctx, run);
    const failures = (await listFailures(ctx.db, run.id)).map(({ externalId, balanceCents, error }) => ({
      externalId,
      balance: formatCents(balanceCents),
      error,
    }));
    await cli.output.object({ ...summary, failures }, () => [
      ...summaryLines(summary),
      ...failures.map(({ externalId, balance, error }) => `  failed: ${externalId} ($${balance}): ${error}`),
    ]);
  });
}
