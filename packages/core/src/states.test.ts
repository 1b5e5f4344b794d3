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

describe.each(Object.entries(machines))("the states of an %s", (_name, table) => {
  it("lead to known states only, and never to themselves", () => {
    const states = statesOf(table);
    for (const from of states)
      for (const to of table[from] ?? []) {
        expect(states).toContain(to);
        expect(to).not.toBe(from);
      }
  });

  it("are each reached from where the table says, and from nowhere else", () => {
    for (const to of statesOf(table))
      for (const from of statesOf(table)) {
        const allowed = (table[from] ?? []).includes(to);
        expect([from, to, statesBefore(table, to).includes(from)]).toEqual([from, to, allowed]);
      }
  });
});

describe("what cannot be undone", () => {
  it("is a reviewed invoice", () => {
    expect(statesBefore(invoiceTransitions, "paid")).toEqual(["pending"]);
    expect(statesBefore(invoiceTransitions, "rejected")).toEqual(["pending"]);
    expect(statesBefore(invoiceTransitions, "pending")).toEqual([]);
  });

  it("is a decision that was invoiced or skipped", () => {
    expect(outcomeTransitions.invoiced).toEqual([]);
    expect(outcomeTransitions.skipped).toEqual([]);
    expect(statesBefore(outcomeTransitions, "open")).toEqual(["failed"]);
  });

  it("is a replaced address", () => {
    expect(paymentMethodTransitions.replaced).toEqual([]);
    expect(statesBefore(paymentMethodTransitions, "approved")).toEqual(["pending", "rejected"]);
  });
});

describe("an unfinished run", () => {
  it("is one that is neither completed nor cancelled", () => {
    expect(statesOf(runTransitions).filter((state) => state !== "completed" && state !== "cancelled")).toEqual(
      unfinishedRunStates,
    );
  });
});

describe("a skip reason", () => {
  it("has words of its own", () => {
    const words = skipReasons.map((reason) => explainSkip(reason));
    expect(new Set(words).size).toBe(skipReasons.length);
    expect(explainSkip("below-minimum", "$50.00")).toBe("the balance was below $50.00");
  });
});
