/**
 * Test helpers that need no package of the product: servers, databases, processes, a clock. The tested packages use this
 * package, so it imports none of them; a helper that needs a package is in the `testing` folder of that package.
 */
export * from "./bundle.ts";
export * from "./clock.ts";
export * from "./eventually.ts";
export * from "./interleave.ts";
export * from "./latch.ts";
export * from "./leftovers.ts";
export * from "./link.ts";
export * from "./log.ts";
export * from "./mail-server.ts";
export * from "./metrics.ts";
export * from "./payouts-process.ts";
export * from "./pgbouncer.ts";
export * from "./redis-server.ts";
export * from "./run-folder.ts";
export * from "./scratch-database.ts";
export * from "./servers.ts";
export * from "./sql-client.ts";
export * from "./stall.ts";
export * from "./webhook-server.ts";
