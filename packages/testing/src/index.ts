export * from "./clock.ts";
export * from "./database.ts";
export * from "./flow.ts";
export * from "./log.ts";
export * from "./network.ts";
export * from "./redis-server.ts";
export * from "./servers.ts";
