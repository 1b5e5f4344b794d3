import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { runFolder, temporaryFolder } from "./packages/testing/servers/src/run-folder.ts";

const MINUTE_MS = 60_000;

/** What both suites share: this one, and the storms of tests/faults. */
export const shared = {
  exclude: ["**/node_modules/**", "**/dist/**"],
  globalSetup: ["tests/global-setup.ts"],
  setupFiles: ["packages/testing/servers/src/setup-file.ts"],
  pool: "forks" as const,
  // Loads modules once per process instead of once per file, which took 170 s of CPU time instead of 11 s.
  isolate: false,
  env: { TMPDIR: temporaryFolder(runFolder()) },
};

export default defineConfig({
  test: {
    ...shared,
    include: [
      "packages/**/*.test.ts",
      "apps/**/*.test.ts",
      "scripts/**/*.test.ts",
      "benchmarks/**/*.test.ts",
      "tests/mutants/**/*.test.ts",
    ],
    // One more than there are cores, at most four, because tests wait for servers and processes a third of the time.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    // Only ends tests that hang: even on a slow machine no test takes a tenth of it.
    testTimeout: 5 * MINUTE_MS,
    hookTimeout: 5 * MINUTE_MS,
  },
});
