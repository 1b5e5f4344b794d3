import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestDatabase, testDatabase } from "@cpa-payouts/db/testing";
import { type RedisServer, startPayouts, startRedis } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { payouts } from "./payouts.ts";

const RUN = ["run", "--date", "2026-11-16"];
const PRODUCTION = { NODE_ENV: "production" };
const SECRET = "marker-secret";
const binary = inject("redisBinary");

let database: TestDatabase;

beforeEach(async () => {
  database = await testDatabase();
});

afterEach(() => database.close());

const makeReadOnly = () =>
  database.sql.unsafe(`alter database ${database.sql.database} set default_transaction_read_only = on`);

const readOnlyLine = () => {
  const { host, pathname } = new URL(database.url);
  return (
    `error: the database at ${host}${pathname} is read-only (default_transaction_read_only is on): find out why, then ` +
    "reset it where it was set (database, role or postgresql.conf); for the database, run in psql: " +
    `"SET default_transaction_read_only = off; ALTER DATABASE ${pathname.slice(1)} RESET default_transaction_read_only;"\n`
  );
};

/** Goal: no process takes jobs from a Redis that may lose them, unless ALLOW_UNSAFE permits it. */
describe.skipIf(binary === null)("set-up checks of Redis", () => {
  const folder = path.join(tmpdir(), `payouts-redis-${randomUUID()}`);
  let redis: RedisServer | null;

  beforeEach(() => {
    redis = null;
  });

  afterEach(async () => {
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts a Redis with these settings, and a password that no output may contain. */
  const startWith = async (...settings: string[]) => {
    redis = await startRedis({ binary: binary ?? "", folder, args: ["--requirepass", SECRET, ...settings] });
    const { host } = new URL(redis.url);
    return { host, env: { DATABASE_URL: database.url, REDIS_URL: `redis://default:${SECRET}@${host}` } };
  };

  const EVICTS = ["--maxmemory-policy", "allkeys-lru"];
  const FORGETS = ["--appendonly", "no"];
  const IS_REPLICA = ["--replicaof", "127.0.0.1", "1"];

  const evicts = (host: string) =>
    `Redis at ${host} may evict jobs and locks (its maxmemory-policy is allkeys-lru): ` +
    'run "redis-cli CONFIG SET maxmemory-policy noeviction" and put "maxmemory-policy noeviction" into redis.conf';
  const forgets = (host: string) =>
    `Redis at ${host} forgets the queue when it restarts (it has no append-only file): ` +
    'run "redis-cli CONFIG SET appendonly yes" and put "appendonly yes" into redis.conf';
  const isReplica = (host: string) => `Redis at ${host} is a replica: point REDIS_URL at its primary, 127.0.0.1:1`;

  const errors = (...lines: string[]) => lines.map((line) => `error: ${line}\n`).join("");

  it.each([
    ["evicts keys", EVICTS, [evicts]],
    ["has no append-only file", FORGETS, [forgets]],
    ["evicts keys and has no append-only file", [...EVICTS, ...FORGETS], [evicts, forgets]],
    ["is a replica", IS_REPLICA, [isReplica]],
  ])("a Redis that %s is refused in production, with a line for each problem", async (_name, settings, lines) => {
    const { host, env } = await startWith(...settings);
    expect(await payouts(RUN, { ...env, ...PRODUCTION })).toEqual({
      code: 1,
      stdout: "",
      stderr: errors(...lines.map((line) => line(host))),
    });
  });

  it("an unfit Redis and an unfit database are reported together", async () => {
    const { host, env } = await startWith(...EVICTS, ...FORGETS);
    await makeReadOnly();
    const { code, stderr } = await payouts(RUN, { ...env, ...PRODUCTION });
    expect(code).toBe(1);
    expect(stderr).toBe(readOnlyLine() + errors(evicts(host), forgets(host)));
  });

  it("an unfit Redis is refused by every process that works on its queue", async () => {
    const { host, env } = await startWith(...EVICTS);
    for (const args of [["up"], ["retry"]]) {
      const { code, stderr } = await payouts(args, { ...env, ...PRODUCTION });
      expect([args, code, stderr.split("\n").at(-2)]).toEqual([args, 1, `error: ${evicts(host)}`]);
    }
    const worker = startPayouts(["worker"], { ...env, ...PRODUCTION });
    expect(await worker.ended()).toBe(1);
    expect(worker.stderr()).toBe(errors(evicts(host)));
  });

  it("a replica is refused in development as well, and ALLOW_UNSAFE cannot permit it", async () => {
    const { host, env } = await startWith(...IS_REPLICA);
    const { code, stderr } = await payouts(RUN, { ...env, ALLOW_UNSAFE: "redis-eviction,redis-persistence" });
    expect({ code, stderr }).toEqual({ code: 1, stderr: errors(isReplica(host)) });
  });

  it("a problem that ALLOW_UNSAFE does not name is refused", async () => {
    const { host, env } = await startWith(...EVICTS, ...FORGETS);
    const { code, stderr } = await payouts(RUN, {
      ...env,
      ...PRODUCTION,
      ALLOW_UNSAFE: "redis-eviction",
      LOG_LEVEL: "silent",
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: errors(forgets(host)) });
  });

  it.each([
    [
      "in production where ALLOW_UNSAFE names them",
      { ...PRODUCTION, ALLOW_UNSAFE: "redis-eviction, redis-persistence" },
    ],
    ["in development", {}],
  ])("a Redis with problems is used %s, with a warning for each", async (_name, more) => {
    const { host, env } = await startWith(...EVICTS, ...FORGETS);
    const run = startPayouts(RUN, { ...env, ...more });
    expect(await run.ended()).toBe(0);
    const because = "ALLOW_UNSAFE" in more ? "ALLOW_UNSAFE names it" : "NODE_ENV is not production";
    expect(warningsOf(run.stderr())).toEqual([
      { event: "setup.tolerated", check: "redis-eviction", problem: evicts(host), because },
      { event: "setup.tolerated", check: "redis-persistence", problem: forgets(host), because },
    ]);
    expect(run.stderr()).not.toContain(SECRET);
  });

  it("a Redis without problems is used without warnings, even with an override that it does not need", async () => {
    const { env } = await startWith();
    const run = startPayouts(RUN, { ...env, ...PRODUCTION, ALLOW_UNSAFE: "redis-eviction" });
    expect(await run.ended()).toBe(0);
    expect(warningsOf(run.stderr())).toEqual([]);
  });
});

/** The warnings on a process's stderr, without process id and time. */
function warningsOf(stderr: string): object[] {
  const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
  return lines
    .map((line) => JSON.parse(line))
    .filter(({ level }) => level === "warn")
    .map(({ level: _level, pid: _pid, time: _time, ...rest }) => rest);
}

/** Goal: commands that write refuse a read-only database, and commands that only read accept it. */
describe("read-only database", () => {
  beforeEach(async () => {
    await makeReadOnly();
  });

  it.each([RUN, ["retry"], ["worker"], ["up"], ["migrate"]].map((args) => [args.join(" "), args] as const))(
    "a read-only database is refused by payouts %s, in one line",
    async (_command, args) => {
      for (const more of [{}, PRODUCTION])
        expect(await payouts(args, { DATABASE_URL: database.url, ...more })).toEqual({
          code: 1,
          stdout: "",
          stderr: readOnlyLine(),
        });
    },
  );

  it("a read-only database is accepted by commands that only read", async () => {
    for (const command of ["verify", "preview", "runs"])
      expect(await payouts([command], { DATABASE_URL: database.url })).toMatchObject({ code: 0 });
  });
});
