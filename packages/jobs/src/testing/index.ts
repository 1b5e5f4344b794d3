/** What tests of this package and of those above it need of it: queues on both backends, and workers on them. */
export * from "./backends.ts";
export * from "./queues.ts";
export * from "./workers.ts";
