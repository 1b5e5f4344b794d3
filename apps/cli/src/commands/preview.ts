import { localDateAt, parseLocalDate } from "@cpa-payouts/core";
import { currentOrNextPaymentDate, previewRun } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { notAPaymentDateLine, summaryLines } from "../present.ts";

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
