import type { Report } from "./report.ts";

const WIDTH = 760;
const LEFT = 250;
const RIGHT = 90;
const BAR = 22;
const GAP = 8;
const TITLE = 34;

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

/**
 * The charts of docs/performance.md as one SVG: jobs per second of each contender, and the cost per invoice by number of
 * users.
 */
export function chartOf(report: Report): string {
  const withoutQueue = report.withoutQueue[0]?.invoicesPerSecond.median ?? 0;
  const throughput = [
    ...report.throughput.map(({ label, jobsPerSecond }) => ({ label, value: jobsPerSecond })),
    { label: "one statement, no queue", value: withoutQueue },
  ].map((bar) => ({ ...bar, text: `${Math.round(bar.value).toLocaleString("en-US")}/s` }));
  const growth = report.growth.map(({ users, millisecondsPerInvoice }) => ({
    label: `${users.toLocaleString("en-US")} users`,
    value: millisecondsPerInvoice,
    text: `${millisecondsPerInvoice.toFixed(3)} ms`,
  }));
  const first = group("Jobs per second, one worker process", throughput, 0);
  const second = group("Whole run, milliseconds per invoice", growth, first.height + 20);
  const height = first.height + 20 + second.height + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="Throughput and growth">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${first.svg}
${second.svg}
</svg>
`;
}

function group(title: string, bars: readonly Bar[], top: number): { svg: string; height: number } {
  const longest = Math.max(...bars.map(({ value }) => value));
  const lines = bars.map(({ label, value, text }, index) => {
    const y = top + TITLE + index * (BAR + GAP);
    const length = Math.max(1, Math.round(((WIDTH - LEFT - RIGHT) * value) / longest));
    const middle = y + BAR / 2 + 5;
    return [
      `<text x="${LEFT - 10}" y="${middle}" text-anchor="end" fill="#24292f">${escaped(label)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${length}" height="${BAR}" fill="${label === "create-invoice" ? "#1f6feb" : "#8c959f"}"/>`,
      `<text x="${LEFT + length + 8}" y="${middle}" fill="#24292f">${escaped(text)}</text>`,
    ].join("\n");
  });
  const heading = `<text x="10" y="${top + 22}" font-weight="bold" fill="#24292f">${escaped(title)}</text>`;
  return { svg: [heading, ...lines].join("\n"), height: TITLE + bars.length * (BAR + GAP) };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
