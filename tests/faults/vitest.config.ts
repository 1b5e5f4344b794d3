import path from "node:path";
import { defineConfig } from "vitest/config";
import { shared } from "../../vitest.config.ts";
import { type FaultOptions, readFaultOptions } from "./options.ts";

declare module "vitest" {
  interface ProvidedContext {
    faultOptions: FaultOptions;
  }
}

const HOUR_MS = 3_600_000;

const { PAYOUTS_FAULTS } = process.env;
const faultOptions: FaultOptions = PAYOUTS_FAULTS ? JSON.parse(PAYOUTS_FAULTS) : readFaultOptions(["--quick"]).options;

export default defineConfig({
  test: {
    ...shared,
    root: path.join(import.meta.dirname, "../.."),
    include: ["tests/faults/**/*.test.ts"],
    provide: { faultOptions },
    // Storms spend half of their time waiting: for a lock to run out, for a process to start, for a database that is slow on
    // purpose. A third one at the same time would take the cores from the servers under test.
    maxWorkers: 2,
    // Scenarios are watched for progress (`watched`), which is what ends those that hang. How long they take depends on their
    // sizes and on the machine, so that no total can be right.
    testTimeout: HOUR_MS,
    hookTimeout: HOUR_MS,
  },
});
