import { addDays, type PaymentDate } from "./payment-calendar.ts";
import { describeKind } from "./states.ts";

/**
 * Writes payment dates as all-day events of an iCalendar file (RFC 5545). The UID of a date never changes, so a
 * calendar program that reads the file again updates its events.
 *
 * @param now the DTSTAMP of the events
 */
export function toIcs(dates: readonly PaymentDate[], now: Date): string {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const events = dates.flatMap(({ date, kind }) => [
    "BEGIN:VEVENT",
    `UID:${date}@cpa-payouts`,
    `DTSTAMP:${stamp}`,
    `DTSTART;VALUE=DATE:${compact(date)}`,
    `DTEND;VALUE=DATE:${compact(addDays(date, 1))}`,
    `SUMMARY:Payment date (${describeKind(kind)})`,
    "TRANSP:TRANSPARENT",
    "END:VEVENT",
  ]);
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//CPA Payouts//Payment dates//EN",
    ...events,
    "END:VCALENDAR",
  ];
  return lines.map((line) => `${line}\r\n`).join("");
}

function compact(date: string): string {
  return date.replaceAll("-", "");
}
