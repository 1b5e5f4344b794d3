import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type RedisServer, startRedis } from "@cpa-payouts/testing-servers";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import type { Backend } from "./backend.ts";
import { openBackend } from "./queues.ts";
import { findRedisProblems, infoField } from "./redis-setup.ts";

const SERVER = "redis.example.com:6379";

const good = {
  maxmemory_human: "0B",
  maxmemory_policy: "noeviction",
  aof_enabled: "1",
  aof_rewrite_in_progress: "0",
  role: "master",
};

/** A reply to INFO with Redis' line endings. An undefined field is left out, as some managed services do. */
function infoOf(fields: Readonly<Record<string, string | undefined>>): string {
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined);
  return ["# Server", ...lines.map(([field, value]) => `${field}:${value}`), ""].join("\r\n");
}

describe("field of INFO", () => {
  it("a field of INFO is read with its whole value, without the line ending", () => {
    expect(infoField(infoOf(good), "maxmemory_policy")).toBe("noeviction");
    expect(infoField(infoOf({ master_host: "2001:db8::1" }), "master_host")).toBe("2001:db8::1");
  });

  it("a field of INFO is null when it is missing, empty, or only the end of another name", () => {
    expect(infoField(infoOf({}), "role")).toBeNull();
    expect(infoField(infoOf({ role: "", other: "x" }), "role")).toBeNull();
    expect(infoField(infoOf({ my_role: "slave" }), "role")).toBeNull();
  });
});

describe("Redis problems", () => {
  const find = (fields: Readonly<Record<string, string | undefined>>) =>
    findRedisProblems(infoOf({ ...good, ...fields }), SERVER);

  it("a Redis that is set up correctly has no problems", () => {
    expect(find({})).toEqual([]);
  });

  it.each(["allkeys-lru", "allkeys-random", "volatile-lru", "volatile-ttl"])(
    "a Redis with the policy %s has a problem",
    (policy) => {
      expect(find({ maxmemory_policy: policy })).toEqual([
        {
          check: "redis-eviction",
          isCertain: true,
          line: `Redis at ${SERVER} may evict jobs and locks (its maxmemory-policy is ${policy}): run "redis-cli CONFIG SET maxmemory-policy noeviction" and put "maxmemory-policy noeviction" into redis.conf`,
        },
      ]);
    },
  );

  it("a Redis without an append-only file has a problem", () => {
    expect(find({ aof_enabled: "0" })).toEqual([
      {
        check: "redis-persistence",
        isCertain: true,
        line: `Redis at ${SERVER} forgets the queue when it restarts (it has no append-only file): run "redis-cli CONFIG SET appendonly yes" and put "appendonly yes" into redis.conf`,
      },
    ]);
  });

  it.each([
    [{ master_host: "10.0.0.1", master_port: "6380" }, ", 10.0.0.1:6380"],
    [{}, ""],
  ])(
    "a Redis that is a replica has a problem, with the address of its primary if INFO has it (%j)",
    (primary, address) => {
      expect(find({ role: "slave", ...primary })).toEqual([
        {
          check: "redis-primary",
          isCertain: true,
          line: `Redis at ${SERVER} is a replica: point REDIS_URL at its primary${address}`,
        },
      ]);
    },
  );

  it("all problems of a Redis are reported at once", () => {
    const checks = find({ role: "slave", maxmemory_policy: "allkeys-lru", aof_enabled: "0" }).map(({ check }) => check);
    expect(checks).toEqual(["redis-primary", "redis-eviction", "redis-persistence"]);
  });

  it.each([
    ["role", "redis-primary"],
    ["maxmemory_policy", "redis-eviction"],
    ["aof_enabled", "redis-persistence"],
  ])("a Redis whose INFO lacks %s has an uncertain problem", (field, check) => {
    expect(find({ [field]: undefined })).toEqual([
      { check, isCertain: false, line: expect.stringContaining(`${SERVER} does not say its ${field} in INFO`) },
    ]);
  });
});

const binary = inject("redisBinary");

describe.skipIf(binary === null)("real Redis", () => {
  const folder = path.join(tmpdir(), `payouts-redis-${randomUUID()}`);
  let redis: RedisServer;
  let client: Redis;
  let backend: Backend;

  beforeEach(async () => {
    const args = ["--maxmemory-policy", "allkeys-lru", "--appendonly", "no"];
    redis = await startRedis({ binary: binary ?? "", folder, args });
    client = new Redis(redis.url);
    backend = openBackend({ kind: "redis", url: redis.url, prefix: "test" });
  });

  afterEach(async () => {
    client.disconnect();
    await backend.close();
    // Redis refuses an orderly shutdown while it writes its first append-only file.
    await redis.stop("SIGKILL");
    await rm(folder, { recursive: true });
  });

  it("the commands in the lines about the problems of a Redis solve them", async () => {
    const lines = (await backend.check()).map(({ line }) => line);
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      const [command = "", ...words] = /"redis-cli (.+?)"/.exec(line)?.[1]?.split(" ") ?? [];
      expect(await client.call(command, ...words)).toBe("OK");
    }
    expect(await backend.check()).toEqual([]);
  });
});
