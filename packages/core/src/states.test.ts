import { describe, expect, it } from "vitest";
import { explainSkip } from "./policy.ts";
import {
  invoiceTransitions,
  outcomeTransitions,
  paymentMethodTransitions,
  runTransitions,
  skipReasons,
  statesBefore,
  statesOf,
  unfinishedRunStates,
} from "./states.ts";

const machines = {
  invoice: invoiceTransitions,
  "payment method": paymentMethodTransitions,
  run: runTransitions,
  outcome: outcomeTransitions,
} as Record<string, Readonly<Record<string, readonly string[]>>>;

describe.each(Object.entries(machines))("%s states", (name, table) => {
  it(`every transition of the ${name} states leads to another known state`, () => {
    const states = statesOf(table);
    for (const from of states)
      for (const to of table[from] ?? []) {
        expect(states).toContain(to);
        expect(to).not.toBe(from);
      }
  });

  it(`the ${name} states are reached only from the states that their table allows`, () => {
    for (const to of statesOf(table))
      for (const from of statesOf(table)) {
        const allowed = (table[from] ?? []).includes(to);
        expect([from, to, statesBefore(table, to).includes(from)]).toEqual([from, to, allowed]);
      }
  });
});

describe("final states", () => {
  it("a reviewed invoice cannot become pending again or be reviewed otherwise", () => {
    expect(statesBefore(invoiceTransitions, "paid")).toEqual(["pending"]);
    expect(statesBefore(invoiceTransitions, "rejected")).toEqual(["pending"]);
    expect(statesBefore(invoiceTransitions, "pending")).toEqual([]);
  });

  it("an invoiced or skipped decision is final, and only a failed one is reopened", () => {
    expect(outcomeTransitions.invoiced).toEqual([]);
    expect(outcomeTransitions.skipped).toEqual([]);
    expect(statesBefore(outcomeTransitions, "open")).toEqual(["failed"]);
  });

  it("a replaced payment method cannot be approved again", () => {
    expect(paymentMethodTransitions.replaced).toEqual([]);
    expect(statesBefore(paymentMethodTransitions, "approved")).toEqual(["pending", "rejected"]);
  });
});

describe("unfinished runs", () => {
  it("a run is unfinished until it is completed or cancelled", () => {
    expect(statesOf(runTransitions).filter((state) => state !== "completed" && state !== "cancelled")).toEqual(
      unfinishedRunStates,
    );
  });
});

describe("skip reasons", () => {
  it("every skip reason has its own explanation", () => {
    const words = skipReasons.map((reason) => explainSkip(reason));
    expect(new Set(words).size).toBe(skipReasons.length);
    expect(explainSkip("below-minimum", "$50.00")).toBe("the balance was below $50.00");
  });
});
