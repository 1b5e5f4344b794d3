import type { Spread } from "./race.ts";

/** A figure with its limit, as the benchmarks print it and store it in their report. */
export interface Target {
  readonly figure: string;
  readonly limit: number;
  readonly isAtLeast: boolean;
  /** NaN when it could not be measured; JSON has null. */
  readonly reached: number;
  /** How it was measured; for a figure that could not be measured, what it needs. */
  readonly detail: string;
}

/** A ratio or rate that must be at least `limit`, judged by the median of its rounds. */
export function atLeast(figure: string, limit: number, { median: reached, lowest, highest }: Spread): Target {
  const detail = `single rounds ${decimal(lowest)} to ${decimal(highest)}`;
  return { figure, limit, isAtLeast: true, reached, detail };
}

/** A cost that must be at most `limit`. */
export function atMost(figure: string, limit: number, reached: number, detail: string): Target {
  return { figure, limit, isAtLeast: false, reached, detail };
}

/** The line of a target: whether it is reached, the figure, the limit. */
export function lineOf(target: Target): string {
  const { figure, limit, isAtLeast, reached, detail } = target;
  const [name, bound] = [figure.padEnd(48), `${isAtLeast ? ">=" : "<="} ${limit.toLocaleString("en-US")}`];
  if (Number.isNaN(reached)) return `  -        ${name}        -  ${bound}  (not measured: ${detail})`;
  return `  ${isReached(target) ? "reached" : "MISSED "}  ${name} ${decimal(reached).padStart(8)}  ${bound}  (${detail})`;
}

/** Whether a figure was measured and is within its limit. */
export function isReached({ isAtLeast, limit, reached }: Target): boolean {
  return isAtLeast ? reached >= limit : reached <= limit;
}

/** Two decimals for what is small enough for them to matter. */
function decimal(figure: number): string {
  const digits = figure < 1_000 ? 2 : 0;
  return figure.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
