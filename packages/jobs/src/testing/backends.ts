import { describe, inject } from "vitest";
import type { BackendConfig } from "../index.ts";

export type BackendKind = BackendConfig["kind"];

/** Runs a suite on both backends; without a Redis binary the Redis half is reported as skipped. */
export function describeOnBackends(name: string, suite: (kind: BackendKind) => void): void {
  describe(`${name} (postgres)`, () => suite("postgres"));
  describe.skipIf(inject("redisUrl") === null)(`${name} (redis)`, () => suite("redis"));
}
