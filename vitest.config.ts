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
  // Modules are loaded once per process instead of once per file, which was two thirds of the CPU time: 170 s became 11 s.
  isolate: false,
  env: { TMPDIR: temporaryFolder(runFolder()) },
};

export default defineConfig({
  test: {
    ...shared,
    include: ["packages/**/*.test.ts", "apps/**/*.test.ts", "scripts/**/*.test.ts"],
    // One more than there are cores, because tests wait for servers and processes a third of the time.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    // No test takes a tenth of this on a slow machine: it ends what hangs.
    testTimeout: 5 * MINUTE_MS,
    hookTimeout: 5 * MINUTE_MS,
  },
});
