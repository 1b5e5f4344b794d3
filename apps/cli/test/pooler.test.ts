import { randomBytes } from "node:crypto";
import { connect, describeServer } from "@cpa-payouts/db";
import { credit } from "@cpa-payouts/pipeline";
import {
  importNetwork,
  type PgBouncer,
  recordingLog,
  startPgBouncer,
  type TestDatabase,
  testClock,
  testDatabase,
} from "@cpa-payouts/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { expected, generateNetwork, type NetworkUser, toTestUser } from "./network.ts";
import { payouts, payoutsJson, startPayouts } from "./payouts.ts";

const RUN = ["run", "--date", "2026-11-16"];
const POOLED = { DATABASE_POOLER: "transaction" };
const NOWHERE = "postgres://payouts:secret@127.0.0.1:1/payouts";

/** Goal: what cannot go through a pooler says so at once, and says what to do. */
describe("with DATABASE_POOLER=transaction", () => {
  it("migrate is refused before any database is touched", async () => {
    expect(await payouts(["migrate"], { DATABASE_URL: NOWHERE, ...POOLED })).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'error: DATABASE_POOLER=transaction is set, and migrations need a session of their own: run "payouts migrate" ' +
        "without it, with the server's own address in DATABASE_URL\n",
    });
  });

  it.each([[RUN], [["retry"]], [["worker"]], [["up"]]])("%j is refused without REDIS_URL", async (args) => {
    const database = await testDatabase();
    const { code, stdout, stderr } = await payouts(args, { DATABASE_URL: database.url, ...POOLED });
    expect({ code, stdout, lastLine: stderr.split("\n").at(-2) }).toEqual({
      code: 2,
      stdout: "",
      lastLine:
        "error: DATABASE_POOLER=transaction needs REDIS_URL: without it the queue is in PostgreSQL and needs " +
        "persistent connections for LISTEN",
    });
    await database.close();
  });
});

const USERS = 4_000;
const POOL_SIZE = 4;
const CREDITS = 600;
const CREDITED_EXTERNAL_IDS = 50;

const redisUrl = inject("redisUrl");
const binary = inject("pgbouncerBinary");
const isMissing = redisUrl === null || (binary === null && process.env.CI !== "true");

/** Goal: the flow works through a PgBouncer in transaction mode, with far fewer connections to the server than it opens. */
describe.skipIf(isMissing)(`through PgBouncer${isMissing ? " (no pgbouncer or no Redis on the PATH)" : ""}`, () => {
  let pooler: PgBouncer;

  beforeAll(async () => {
    if (!binary) throw new Error("no pgbouncer on the PATH: with CI=true its suite must run");
    pooler = await startPgBouncer({ binary, serverUrl: inject("postgresUrl"), poolSize: POOL_SIZE });
  });

  afterAll(() => pooler?.stop());

  const environment = (database: TestDatabase) => ({
    DATABASE_URL: pooler.through(database.url),
    REDIS_URL: redisUrl ?? "",
    QUEUE_PREFIX: `pooler-${randomBytes(6).toString("hex")}`,
    ...POOLED,
  });

  describe("a run", () => {
    let database: TestDatabase;

    beforeEach(async () => {
      database = await testDatabase();
    });

    afterEach(() => database.close());

    it("is shared by two workers and right to the cent, while credits keep arriving", async () => {
      const network = generateNetwork(USERS, 20_261_116);
      await importNetwork({ db: database.db, clock: testClock("2026-11-01T00:00:00Z"), log: recordingLog() }, [
        ...network.map(toTestUser),
      ]);
      const env = environment(database);
      const workers = [1, 2].map(() => startPayouts(["worker"], { ...env, LOG_LEVEL: "info" }));
      await Promise.all(workers.map((one) => one.untilSays("worker.started")));

      const connections = watchConnections(database);
      const crediting = creditAllThrough(env.DATABASE_URL, network);
      const summary = await payoutsJson<{ considered: number; invoiced: number; failed: number }>(RUN, env);
      await crediting;
      expect(summary).toMatchObject({ state: "completed", failed: 0 });
      expect(await connections.most()).toBeLessThanOrEqual(POOL_SIZE);
      for (const one of workers) expect(one.stderr()).toContain('"event":"invoices.created"');
      expect(await Promise.all(workers.map((one) => one.stop("SIGTERM")))).toEqual([0, 0]);

      await expectInvoices(database, network);
      expect(await payouts(["verify"], env)).toMatchObject({ code: 0 });
    });
  });

  it("is warned about settings that the role lacks, and is silent once the line's statements have been run", async () => {
    const database = await testDatabase();
    const warned = await payoutsWarnings(database);
    expect(warned).toMatchObject([{ event: "setup.tolerated", check: "database-role" }]);
    const [{ problem } = { problem: "" }] = warned;
    expect(problem).toContain(
      "gives pooled connections no statement_timeout, lock_timeout, idle_in_transaction_session_timeout, plan_cache_mode, enable_seqscan, enable_hashjoin, enable_mergejoin, jit: ",
    );
    expect(problem).not.toContain(new URL(database.url).password);

    const [, remedy = ""] = /"(.+)"/.exec(problem) ?? [];
    for (const statement of remedy.split(";").filter(Boolean)) await database.sql.unsafe(statement);
    await pooler.reconnect();
    expect(await payoutsWarnings(database)).toEqual([]);
    await database.close();
  });

  async function payoutsWarnings(database: TestDatabase): Promise<{ problem: string }[]> {
    const run = startPayouts(RUN, environment(database));
    expect(await run.ended()).toBe(0);
    const lines = run.stderr().split("\n");
    return lines.filter((line) => line.includes('"level":"warn"')).map((line) => JSON.parse(line));
  }

  it("is told from the server itself where DATABASE_POOLER is not set", async () => {
    const url = pooler.through(inject("postgresUrl"));
    for (const command of ["verify", "migrate", "worker"])
      expect(await payouts([command], { DATABASE_URL: url })).toEqual({
        code: 1,
        stdout: "",
        stderr:
          `error: the database at ${describeServer(url)} is behind a pooler: set DATABASE_POOLER=transaction, or let ` +
          "DATABASE_URL name the server itself\n",
      });
  });

  it("leaves the migrations to migrate", async () => {
    const database = await testDatabase({ empty: true });
    const { code, stderr } = await payouts(["up"], environment(database));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Database: the one of DATABASE_URL, through a pooler; .*\nerror: the database lacks \d of \d migrations: run "payouts migrate" first\n$/,
    );
    await database.close();
  });
});

/** Looks every few milliseconds how many connections others have to a database. */
function watchConnections({ sql }: TestDatabase) {
  const stop = new AbortController();
  const watching = (async () => {
    let most = 0;
    while (!stop.signal.aborted) {
      const [{ count } = { count: 0 }] = await sql<{ count: number }[]>`
        select count(*)::int as count from pg_stat_activity
        where datname = current_database() and application_name in ('payouts-worker', 'payouts-cli', 'tracker')`;
      most = Math.max(most, count);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return most;
  })();
  return {
    most: () => {
      stop.abort();
      return watching;
    },
  };
}

/** Credits some users again and again, over many connections at the same time. */
async function creditAllThrough(url: string, network: readonly NetworkUser[]): Promise<void> {
  const connection = connect({ url, max: 20, applicationName: "tracker", isPooled: true });
  const ctx = { db: connection.db, clock: testClock("2026-11-16T02:00:00Z"), log: recordingLog() };
  const numbers = Array.from({ length: CREDITS }, (_, number) => number);
  await Promise.all(
    numbers.map((number) => {
      const { externalId } = network[number % CREDITED_EXTERNAL_IDS] as NetworkUser;
      return credit(ctx, { externalId, amountCents: 1n, key: `conversion-${number}`, actor: "tracker" });
    }),
  );
  await connection.close();
}

/** Everybody but the credited ones was paid as computed independently; that no cent of theirs is lost, `verify` says. */
async function expectInvoices(database: TestDatabase, network: readonly NetworkUser[]): Promise<void> {
  const rows = await database.sql<{ external_id: string; amount_cents: bigint }[]>`
    select u.external_id, i.amount_cents from invoices i join users u on u.id = i.user_id`;
  const found = new Map(rows.map((row) => [row.external_id, Number(row.amount_cents)]));
  const untouched = network.slice(CREDITED_EXTERNAL_IDS);
  const differing = untouched.filter((user) => {
    const outcome = expected(user, true);
    return found.get(user.externalId) !== (typeof outcome === "number" ? outcome : undefined);
  });
  expect(differing).toEqual([]);
}
