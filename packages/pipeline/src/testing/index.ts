/** What tests of this package and of the apps need of it: a context of the flow on servers of the tests. */
export * from "./dying-context.ts";
export * from "./environment.ts";
export * from "./flow.ts";
export * from "./runs.ts";
