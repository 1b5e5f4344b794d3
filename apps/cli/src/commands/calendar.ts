import {
  addDays,
  addMonths,
  describeKind,
  describeSchedule,
  localDateAt,
  type PaymentDate,
  parseLocalDate,
  paymentDatesBetween,
  type Schedule,
  toIcs,
} from "@cpa-payouts/core";
import { describeError } from "@cpa-payouts/db";
import { findScheduleInUse, type ScheduleInUse } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withRunningDatabase } from "../connection.ts";

/**
 * `payouts calendar`: prints the payment dates of `months` months from a local date on (default: today), and on stderr the
 * schedule that the workers follow, and which of the dates were before going live.
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
  await saySchedule(cli, dates);
}

const NOT_BEFORE = "dates that were due before going live are not run automatically";

/**
 * The dates need no database, so one that does not answer is no failure, and the embedded one is not started for a line of
 * explanation.
 */
async function saySchedule(cli: Cli, dates: readonly PaymentDate[]): Promise<void> {
  try {
    const known = await withRunningDatabase(cli, async (ctx) => ({ inUse: await findScheduleInUse(ctx) }));
    for (const line of linesAbout(known, cli.config.policy.schedule, dates)) cli.say(line);
  } catch (cause) {
    cli.say(`The schedule of the workers is not known: ${describeError(cause)}`);
  }
}

function linesAbout(
  known: { inUse: ScheduleInUse | null } | null,
  own: Schedule,
  dates: readonly PaymentDate[],
): readonly string[] {
  if (!known) return [`When the installation went live is not known, because no database is running; ${NOT_BEFORE}`];
  if (!known.inUse) return [`No worker has stored the time of going live yet; ${NOT_BEFORE}`];
  const { liveFrom } = known.inUse;
  const before = dates.flatMap(({ date }) => (date < liveFrom ? [date] : []));
  const left = before.length > 0 ? [`Before going live, so not run automatically: ${before.join(", ")}`] : [];
  return [...linesOf(known.inUse, own), ...left];
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
