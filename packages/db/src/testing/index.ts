/** What tests of this package and of those above it need of it: databases with users, runs and invoices in them. */
export * from "./data.ts";
export type { DataTestContext } from "./data-test-context.ts";
export * from "./network.ts";
export * from "./rule-network.ts";
export * from "./slow-database.ts";
export * from "./test-database.ts";
export * from "./upgrades.ts";
