import type { TestFlow } from "./flow.ts";

/** The environment that makes a process use a test's database and queue. */
export function environmentOf({ backendConfig, database }: TestFlow): Record<string, string> {
  const base = { DATABASE_URL: database.url };
  if (backendConfig.kind === "postgres") return base;
  return { ...base, REDIS_URL: backendConfig.url, QUEUE_PREFIX: backendConfig.prefix };
}
