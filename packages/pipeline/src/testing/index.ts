/** What tests of this package and of the apps need of it: a context of the flow on servers of the tests. */
export * from "./environment.ts";
export * from "./flow.ts";
export * from "./interrupted-context.ts";
export * from "./recording-channel.ts";
export * from "./runs.ts";
