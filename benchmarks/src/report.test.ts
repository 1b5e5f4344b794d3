import { describe, expect, it } from "vitest";
import type { Lap } from "./race.ts";
import { spreadOf } from "./race.ts";
import { targetsWithoutQueue } from "./report.ts";

/** The figures of a machine whose processor is slower by a factor. */
function figuresOf(slowness: number): Map<string, number> {
  const rate = spreadOf([18_000, 20_000, 21_000].map((perSecond) => perSecond / slowness));
  const cpuMicros = spreadOf([34, 35, 38].map((micros) => micros * slowness));
  const size = { users: 60_000, usersPerStatement: 500, laps: 3 };
  const row = { ...size, invoicesPerSecond: rate, cpuMicros, walBytes: spreadOf([2_293]) };
  const noOp: Lap = {
    jobsPerSecond: 10_000 / slowness,
    workerMicros: 40 * slowness,
    redisMicros: 30 * slowness,
    restMicros: 500,
  };
  return new Map(targetsWithoutQueue([row], [noOp]).map(({ figure, reached }) => [figure, reached]));
}

describe("the figures of the statement without a queue", () => {
  it("are divided by those of a no-op: its rate, and the CPU time of worker and Redis", () => {
    const figures = figuresOf(1);
    expect(figures.get("without a queue / no-op")).toBe(2);
    expect(figures.get("PostgreSQL's CPU per invoice / no-op's CPU")).toBe(0.5);
  });

  it("have the same ratios on a slower processor, and other absolute values", () => {
    const [fast, slow] = [figuresOf(1), figuresOf(1.5)];
    for (const figure of ["without a queue / no-op", "PostgreSQL's CPU per invoice / no-op's CPU"])
      expect(slow.get(figure)).toBeCloseTo(fast.get(figure) ?? Number.NaN);
    expect(slow.get("PostgreSQL's CPU per invoice, us")).toBe(52.5);
  });
});
