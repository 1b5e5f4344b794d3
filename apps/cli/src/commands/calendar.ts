import {
  addDays,
  addMonths,
  describeKind,
  localDateAt,
  parseLocalDate,
  paymentDatesBetween,
  toIcs,
} from "@cpa-payouts/core";
import type { Cli } from "../cli.ts";

/** `payouts calendar`: prints the payment dates of `months` months from a local date on (default: today). */
export async function calendar(cli: Cli, options: { from?: string; months: number }): Promise<undefined> {
  const { clock, config, output } = cli;
  const today = localDateAt(clock(), config.policy.schedule.timeZone);
  const from = options.from === undefined ? today : parseLocalDate(options.from);
  const dates = paymentDatesBetween(from, addDays(addMonths(from, options.months), -1));
  if (output.format === "ics") {
    await output.text(toIcs(dates, clock()));
    return;
  }
  const rows = dates.map(({ date, kind }) => ({ date, kind, pays: describeKind(kind).split(": ")[1] ?? "" }));
  await output.list([{ key: "date" }, { key: "kind" }, { key: "pays" }], rows);
}
