import { describe, expect, it } from "vitest";
import { spreadOf } from "./race.ts";
import { atLeast, atMost, isReached, lineOf } from "./targets.ts";

describe("a target", () => {
  it("says the figure, the limit and whether it is reached", () => {
    expect(lineOf(atMost("CPU, us", 50, 49.994, "5 laps"))).toMatch(
      /^ {2}reached {2}CPU, us +49\.99 {2}<= 50 {2}\(5 laps\)$/,
    );
    expect(lineOf(atMost("CPU, us", 50, 50.01, "5 laps"))).toMatch(
      /^ {2}MISSED +CPU, us +50\.01 {2}<= 50 {2}\(5 laps\)$/,
    );
  });

  it("judges a rate by the median of its rounds", () => {
    const rate = atLeast("invoices/s", 25_000, spreadOf([16_111, 29_304, 25_000.4]));
    expect(isReached(rate)).toBe(true);
    expect(lineOf(rate)).toMatch(/ 25,000 {2}>= 25,000 {2}\(single rounds 16,111 to 29,304\)$/);
  });

  it("is neither reached nor missed when it could not be measured, and says what that needs", () => {
    const cpu = atMost("CPU, us", 50, spreadOf([Number.NaN, Number.NaN]).median, "needs Linux");
    expect(isReached(cpu)).toBe(false);
    expect(lineOf(cpu)).toMatch(/CPU, us +- {2}<= 50 {2}\(not measured: needs Linux\)$/);
    expect(lineOf(cpu)).not.toMatch(/reached|MISSED/);
  });
});
