import { randomBytes } from "node:crypto";
import { connect } from "@cpa-payouts/db";
import { importNetwork, slowDownInvoices, type TestDatabase, testDatabase } from "@cpa-payouts/db/testing";
import { credit } from "@cpa-payouts/pipeline";
import {
  type PgBouncer,
  recordingLog,
  runPayouts,
  startPayouts,
  startPgBouncer,
  testClock,
  watched,
} from "@cpa-payouts/testing-servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { expected, generateNetwork, type NetworkUser, toTestUser } from "./network.ts";

const RUN = ["run", "--date", "2026-11-16"];
const USERS = 4_000;
const POOL_SIZE = 4;
const CREDITS = 600;
const CREDITED_EXTERNAL_IDS = 50;

const { seed } = inject("faultOptions");
const redisUrl = inject("redisUrl");
const binary = inject("pgbouncerBinary");
const isMissing = redisUrl === null || (binary === null && process.env.CI !== "true");

/** Goal: the flow works through a PgBouncer in transaction mode, with far fewer connections to the server than it opens. */
describe.skipIf(isMissing)(
  `a run through PgBouncer${isMissing ? " (no pgbouncer or no Redis on the PATH)" : ""}`,
  () => {
    let pooler: PgBouncer;
    let database: TestDatabase;

    beforeAll(async () => {
      if (!binary) throw new Error("no pgbouncer on the PATH: with CI=true its suite must run");
      pooler = await startPgBouncer({ binary, serverUrl: inject("postgresUrl"), poolSize: POOL_SIZE });
    });
    afterAll(() => pooler?.stop());

    beforeEach(async () => {
      database = await testDatabase();
    });
    afterEach(() => database.close());

    it("a run through PgBouncer is shared by two workers and right to the cent while credits keep arriving", async () => {
      const network = generateNetwork(USERS, seed);
      const ctx = { db: database.db, clock: testClock("2026-11-01T00:00:00Z"), log: recordingLog() };
      await importNetwork(ctx, network.map(toTestUser));
      const env = {
        DATABASE_URL: pooler.through(database.url),
        DATABASE_POOLER: "transaction",
        REDIS_URL: redisUrl ?? "",
        QUEUE_PREFIX: `pooler-${randomBytes(6).toString("hex")}`,
        WORKER_CONCURRENCY: "50",
      };
      const workers = [1, 2].map(() => startPayouts(["worker"], { ...env, LOG_LEVEL: "info" }));
      await Promise.all(workers.map((worker) => worker.untilSays("worker.started")));
      // One process could otherwise have done all the work before the others had a share.
      const endSlowness = await slowDownInvoices(database, USERS);

      const connections = watchConnections(database);
      const progress = async () => `${(await database.sql`select from invoices`).length} invoices`;
      await watched("the run through PgBouncer", progress, async () => {
        const crediting = creditAllThrough(env.DATABASE_URL, network);
        const running = runPayouts([...RUN, "--json"], env, progress);
        await Promise.all(workers.map((worker) => worker.untilSays('"event":"invoices.created"')));
        await endSlowness();
        const { code, stdout, stderr } = await running;
        await crediting;
        expect(code, stderr).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject({ state: "completed", failed: 0 });
        expect(await connections.most()).toBeLessThanOrEqual(POOL_SIZE);
        expect(await Promise.all(workers.map((worker) => worker.stop("SIGTERM")))).toEqual([0, 0]);
      });

      await expectInvoices(database, network);
      expect(await runPayouts(["verify"], env)).toMatchObject({ code: 0 });
    });
  },
);

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
      return credit(ctx, {
        externalId,
        amountCents: 1n,
        key: `conversion-${number}`,
        keyOwner: "cli",
        actor: "tracker",
      });
    }),
  );
  await connection.close();
}

/** Every user who was not credited is paid as computed independently; `verify` shows that no cent of the others is lost. */
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
