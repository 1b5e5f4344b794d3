import { access } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { mutants } from "./catalog.ts";
import { mutate, repository, sourceOf } from "./mutant.ts";
import { verdictOf } from "./report.ts";

test("at least thirty faults of the money path are tried against the tests, each under a name of its own", () => {
  const names = mutants.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(30);
});

test.each(mutants)(
  "the source still has the text that the mutant $name replaces, and its tests exist",
  async (mutant) => {
    const source = await sourceOf(mutant);
    expect(mutate(mutant, source)).not.toBe(source);
    expect(mutant.tests.length).toBeGreaterThan(0);
    for (const file of mutant.tests) await access(path.join(repository, file));
  },
);

const mutant = { name: "a", fault: "b", file: "c", from: "d", to: "e", tests: [] };
const results = (status: string, message = "") => ({
  testResults: [
    { name: "f", message: "", assertionResults: [{ status, fullName: "a title", failureMessages: [message] }] },
  ],
});

test("a mutant is caught by a failing test, survives if all pass, and is broken if its SQL cannot be run", () => {
  expect(verdictOf(mutant, 1, results("failed"))).toEqual({ outcome: "caught", by: "a title", isExpected: true });
  expect(verdictOf(mutant, 0, results("passed"))).toMatchObject({ outcome: "survived", isExpected: false });
  expect(verdictOf(mutant, 1, results("failed", "syntax error at or near"))).toMatchObject({ outcome: "broken" });
  expect(verdictOf(mutant, 1, results("passed"))).toMatchObject({ outcome: "broken", isExpected: false });
});

test("a mutant that is said to change nothing must survive", () => {
  const equivalent = { ...mutant, equivalent: "the lock is taken before" };
  expect(verdictOf(equivalent, 0, results("passed"))).toMatchObject({ outcome: "survived", isExpected: true });
  expect(verdictOf(equivalent, 1, results("failed"))).toMatchObject({ outcome: "caught", isExpected: false });
});
