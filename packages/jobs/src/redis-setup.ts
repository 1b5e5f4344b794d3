import type { SetupCheck, SetupProblem } from "@cpa-payouts/core";

/** The value of a field in Redis' INFO; null when it is missing or empty. */
export function infoField(info: string, field: string): string | null {
  return new RegExp(`^${field}:(\\S+)`, "m").exec(info)?.[1] ?? null;
}

/**
 * Finds the settings of a Redis that endanger the queue. Uses INFO, because managed services forbid CONFIG GET.
 *
 * @param info the reply to INFO
 * @param server host and port, for the messages
 * @returns every problem, the most serious first; an empty list when there is none
 */
export function findRedisProblems(info: string, server: string): readonly SetupProblem[] {
  return [findRole(info, server), findEviction(info, server), findPersistence(info, server)].filter(
    (problem) => problem !== null,
  );
}

function findRole(info: string, server: string): SetupProblem | null {
  const role = infoField(info, "role");
  if (role === null) return unknown("redis-primary", server, "role", "it is a primary");
  if (role === "master") return null;
  return certain("redis-primary", `Redis at ${server} is a replica: point REDIS_URL at its primary${primaryOf(info)}`);
}

function primaryOf(info: string): string {
  const [host, port] = [infoField(info, "master_host"), infoField(info, "master_port")];
  return host && port ? `, ${host}:${port}` : "";
}

function findEviction(info: string, server: string): SetupProblem | null {
  const policy = infoField(info, "maxmemory_policy");
  if (policy === null) return unknown("redis-eviction", server, "maxmemory_policy", "it evicts nothing (noeviction)");
  if (policy === "noeviction") return null;
  return certain(
    "redis-eviction",
    `Redis at ${server} may evict jobs and locks (its maxmemory-policy is ${policy}): ` +
      'run "redis-cli CONFIG SET maxmemory-policy noeviction" and put "maxmemory-policy noeviction" into redis.conf',
  );
}

function findPersistence(info: string, server: string): SetupProblem | null {
  const enabled = infoField(info, "aof_enabled");
  if (enabled === null) return unknown("redis-persistence", server, "aof_enabled", "a restart does not lose its data");
  if (enabled === "1") return null;
  return certain(
    "redis-persistence",
    `Redis at ${server} forgets the queue when it restarts (it has no append-only file): ` +
      'run "redis-cli CONFIG SET appendonly yes" and put "appendonly yes" into redis.conf',
  );
}

function certain(check: SetupCheck, line: string): SetupProblem {
  return { check, isCertain: true, line };
}

function unknown(check: SetupCheck, server: string, field: string, hope: string): SetupProblem {
  const line = `Redis at ${server} does not say its ${field} in INFO: make sure yourself that ${hope}`;
  return { check, isCertain: false, line };
}
