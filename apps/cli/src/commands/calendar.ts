import {
  addDays,
  addMonths,
  describeKind,
  describeSchedule,
  localDateAt,
  parseLocalDate,
  paymentDatesBetween,
  type Schedule,
  toIcs,
} from "@cpa-payouts/core";
import { describeError } from "@cpa-payouts/db";
import { findScheduleInUse, type ScheduleInUse } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";

/**
 * `payouts calendar`: prints the payment dates of `months` months from a local date on (default: today), and on stderr the
 * schedule that the workers follow.
 */
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
  await saySchedule(cli);
}

/**
 * The dates need no database, so one that does not answer is no failure, and the embedded one is not started for a line of
 * explanation.
 */
async function saySchedule(cli: Cli): Promise<void> {
  if (!cli.config.databaseUrl) return;
  try {
    const inUse = await withDatabase(cli, findScheduleInUse);
    if (inUse) for (const line of linesOf(inUse, cli.config.policy.schedule)) cli.say(line);
  } catch (cause) {
    cli.say(`The schedule of the workers is not known: ${describeError(cause)}`);
  }
}

function linesOf({ present, since, liveFrom, past, isDisputed }: ScheduleInUse, own: Schedule): string[] {
  const name = describeSchedule(present);
  const before = past && ` (before: ${describeSchedule(past)})`;
  return [
    `The workers follow ${name} since ${since.toISOString()}${before ?? ""}; dates from ${liveFrom} on are run automatically`,
    ...(describeSchedule(own) === name ? [] : [`This command was given ${describeSchedule(own)}`]),
    ...(isDisputed && past
      ? [
          `Some workers still follow ${describeSchedule(past)}, at last at ${past.seenAt.toISOString()}: give all of them the ` +
            "same PAYMENT_TIME_ZONE and PAYMENT_TICK_CRON",
        ]
      : []),
  ];
}
