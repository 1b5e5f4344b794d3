import { localDateAt, parseLocalDate } from "@cpa-payouts/core";
import { currentOrNextPaymentDate, previewRun } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { notAPaymentDateLine, summaryLines } from "../present.ts";

/**
 * `payouts preview`: prints what a run of a payment date (default: today's or the next one) would decide now; writes
 * nothing. For a date that has a run it prints that run's summary.
 */
export async function preview(cli: Cli, options: { date?: string }): Promise<undefined> {
  const { policy } = cli.config;
  const today = localDateAt(cli.clock(), policy.schedule.timeZone);
  const date = options.date === undefined ? currentOrNextPaymentDate(today).date : parseLocalDate(options.date);
  await withDatabase(cli, async (ctx) => {
    const previewed = await previewRun(ctx, date, policy);
    await cli.output.object(previewed, () =>
      previewed.state === "not-a-payment-date" ? [notAPaymentDateLine(previewed)] : summaryLines(previewed),
    );
  });
}
