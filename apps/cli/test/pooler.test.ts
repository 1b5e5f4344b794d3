import { randomBytes } from "node:crypto";
import { describeServer } from "@cpa-payouts/db";
import { type TestDatabase, testDatabase } from "@cpa-payouts/db/testing";
import { type PgBouncer, startPayouts, startPgBouncer } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { payouts } from "./payouts.ts";

const RUN = ["run", "--date", "2026-11-16"];
const POOLED = { DATABASE_POOLER: "transaction" };
const NOWHERE = "postgres://payouts:secret@127.0.0.1:1/payouts";

/** Goal: a command that cannot work through a pooler is refused at once, and says what to do. */
describe("DATABASE_POOLER=transaction", () => {
  it("migrate through a pooler is refused before any database is touched", async () => {
    expect(await payouts(["migrate"], { DATABASE_URL: NOWHERE, ...POOLED })).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'error: DATABASE_POOLER=transaction is set, and migrations need a session of their own: run "payouts migrate" ' +
        "without it, with the server's own address in DATABASE_URL\n",
    });
  });

  it.each([RUN, ["retry"], ["worker"], ["up"]].map((args) => [args.join(" "), args] as const))(
    "payouts %s behind a pooler needs REDIS_URL",
    async (_command, args) => {
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
    },
  );
});

const POOL_SIZE = 4;

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

  it("a role without the settings that a pooler needs causes a warning until the statements in the warning have been run", async () => {
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

  it("a pooler is detected and refused where DATABASE_POOLER is not set", async () => {
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

  it("up does not migrate through a pooler", async () => {
    const database = await testDatabase({ empty: true });
    const { code, stderr } = await payouts(["up"], environment(database));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Database: the one that DATABASE_URL names, through a pooler; .*\nerror: the database lacks (\d+) of \1 migrations: run "payouts migrate" first\n$/,
    );
    await database.close();
  });
});
