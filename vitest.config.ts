import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/**/*.test.ts", "apps/**/*.test.ts", "scripts/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: ["packages/testing/src/global-setup.ts"],
    pool: "forks",
    // One more than there are cores: the fault tests spend much of their time waiting for a lock to run out or for the
    // next kill. With still more the servers under test lack the cores.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
