import path from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { shared } from "../../vitest.config.ts";
import { mutants } from "./catalog.ts";
import { type Mutant, mutate, repository } from "./mutant.ts";

const MINUTE_MS = 60_000;

const mutant = mutants.find(({ name }) => name === process.env.PAYOUTS_MUTANT);

export default defineConfig({
  plugins: mutant ? [putIn(mutant)] : [],
  test: {
    ...shared,
    root: repository,
    include: ["packages/**/*.test.ts", "apps/**/*.test.ts"],
    maxWorkers: 1,
    // The first failure settles the question.
    bail: mutant ? 1 : 0,
    // A mutant may hang, which a test notices by its time limit; the tests themselves take seconds.
    testTimeout: MINUTE_MS,
    hookTimeout: 5 * MINUTE_MS,
  },
});

/** Gives the tests the faulty source when they load the file. No file of the checkout is changed. */
function putIn(fault: Mutant): Plugin {
  const file = path.join(repository, fault.file);
  return {
    name: "mutant",
    enforce: "pre",
    transform: (code, id) => (id === file ? mutate(fault, code) : null),
  };
}
