import { isDeepStrictEqual } from "node:util";
import {
  connect,
  creditUser,
  type Db,
  describeError,
  isConnectionError,
  schema,
  updateUserStatus,
} from "@cpa-payouts/db";
import { openTestData, type TestData } from "@cpa-payouts/db/testing";
import { openSql, startPgBouncer, watched } from "@cpa-payouts/testing-servers";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { prepareCalls, type RepeatedCall, TARGET } from "./answer-calls.ts";
import { randomNumbers } from "./network.ts";

const CONNECTIONS = 20;
const NAME = "stormed";
/** One call in so many fails on purpose; a sleeping one is rarer, because it occupies its connection until it is cancelled. */
const FAILING_IN = 3;
const SLEEPING_IN = 12;
const TIME_LIMIT_MS = 1_000;
const KILL_IN = 40;

const { seed, answers } = inject("faultOptions");
const binary = inject("pgbouncerBinary");
const isMissing = binary === null && process.env.CI !== "true";

let data: TestData;
let calls: readonly RepeatedCall[];

beforeEach(async () => {
  data = await openTestData();
  calls = await prepareCalls(data);
  await data.database.sql.unsafe(`
    create function refuse() returns trigger language plpgsql as $$ begin
      if exists (select from added where note like 'refused%') then raise exception 'refused'; end if;
      return null;
    end $$;
    create trigger refuse after insert on ledger_entries referencing new table as added
      for each statement execute function refuse();
    create function refuse_late() returns trigger language plpgsql as $$ begin raise exception 'refused late'; end $$;
    create constraint trigger refuse_late after insert on ledger_entries deferrable initially deferred
      for each row when (new.note like 'late%') execute function refuse_late()`);
});
afterEach(() => data.close());

/** Goal: an answer is that of its own statement, whatever became of the statements before it on the connection. */
describe("answers in a storm of failing statements", () => {
  it("every answer of every statement is right while others fail, are cancelled, time out and lose their connections", async () => {
    await storm({ url: data.database.url, statementTimeoutMs: TIME_LIMIT_MS });
  });

  it.skipIf(isMissing)("every answer is right through PgBouncer, too", async () => {
    if (!binary) throw new Error("no pgbouncer on the PATH: with CI=true its suite must run");
    await data.database.sql.unsafe(
      `alter role current_user in database ${data.database.sql.database} set statement_timeout = ${TIME_LIMIT_MS}`,
    );
    const pooler = await startPgBouncer({ binary, serverUrl: inject("postgresUrl"), poolSize: 8 });
    try {
      await storm({ url: pooler.through(data.database.url), isPooled: true });
    } finally {
      await pooler.stop();
    }
  });
});

async function storm(options: { url: string; statementTimeoutMs?: number; isPooled?: boolean }): Promise<void> {
  const expected = await answersInCalm(data.ctx.db);
  const { db, close } = connect({ ...options, max: CONNECTIONS, applicationName: NAME });
  const random = randomNumbers(seed);
  const found = { right: 0, failed: 0, wrong: [] as string[], unexpected: [] as string[] };
  let number = 0;

  const callOnce = async () => {
    number += 1;
    const [name, call] = calls[random(calls.length)] as RepeatedCall;
    try {
      if (isDeepStrictEqual(await call(db), expected.get(name))) found.right += 1;
      else found.wrong.push(name);
    } catch (error) {
      if (mayFail(error)) found.failed += 1;
      else found.unexpected.push(`${name}: ${describeError(error)}`);
    }
  };
  const failOnce = async () => {
    number += 1;
    const answer = await failing(db, random, number).then(() => "an answer", describeError);
    if (answer === "an answer") found.wrong.push("a failing statement");
  };
  const isOver = () => found.right >= answers || found.wrong.length + found.unexpected.length > 0;
  const callers = Array.from({ length: CONNECTIONS }, async () => {
    while (!isOver()) await (random(FAILING_IN) === 0 ? failOnce() : callOnce());
  });
  await watched(
    "a storm of failing statements",
    () => found,
    async () => {
      const disturbance = disturb(random, isOver);
      await Promise.all(callers);
      await disturbance;
    },
  );
  await close();
  expect(found).toMatchObject({ wrong: [], unexpected: [] });
  expect(found.right).toBeGreaterThanOrEqual(answers);
  expect(found.failed).toBeGreaterThan(0);
  expect(await answersInCalm(data.ctx.db)).toEqual(expected);
}

/** Each call is made three times: the first may change something, the others must not. */
async function answersInCalm(db: Db): Promise<ReadonlyMap<string, unknown>> {
  for (const [, call] of calls) await call(db);
  const before = new Map<string, unknown>();
  const after = new Map<string, unknown>();
  for (const answered of [before, after]) for (const [name, call] of calls) answered.set(name, await call(db));
  expect(after).toEqual(before);
  return after;
}

/** A cancelled statement, a timeout, a deadlock of two repeated changes, a lost connection. */
function mayFail(error: unknown): boolean {
  return isConnectionError(error) || /\(SQLSTATE (57014|40P01)\)$/.test(describeError(error));
}

/** A statement that fails: in its third row, by a constraint, by a trigger of the statement, or at its commit. */
function failing(db: Db, random: (limit: number) => number, number: number): Promise<unknown> {
  const key = { key: `failing-${number}`, keyOwner: "cli" } as const;
  const entry = { externalId: TARGET, amountCents: 1n, ...key, actor: "root", now: new Date() };
  const series = (value: ReturnType<typeof sql>) =>
    db.select({ n: value, text: sql`repeat('x', 1000)` }).from(sql`generate_series(1, 5) x`);
  const statements = [
    () => series(sql`1 / (3 - x)`),
    () => series(sql`case when x = 3 then pg_cancel_backend(pg_backend_pid()) end, 1 / (4 - x)`),
    () => creditUser(db, { ...entry, note: "refused by a trigger" }),
    () => creditUser(db, { ...entry, note: "late" }),
    () => creditUser(db, { ...entry, amountCents: 0n, note: null }),
    () => updateUserStatus(db, { ...entry, status: "sleeping" as "active", reason: "none" }),
    () => db.select({ id: schema.users.id }).from(schema.users).where(sql`external_id = ${"\0"}`),
  ];
  if (random(SLEEPING_IN) === 0) return series(sql`case when x = 3 then pg_sleep(600) end`).execute();
  return (async () => (statements[random(statements.length)] as (typeof statements)[number])())();
}

/** Cancels statements, and now and then cuts a connection, until the storm is over. */
async function disturb(random: (limit: number) => number, isOver: () => boolean): Promise<void> {
  const admin = openSql(data.database.url, 1);
  while (!isOver()) {
    const end = random(KILL_IN) === 0 ? "pg_terminate_backend" : "pg_cancel_backend";
    await admin.unsafe(`
      select ${end}(pid), pg_sleep(0.01) from (
        select pid from pg_stat_activity where datname = current_database() and application_name = '${NAME}'
          and state = 'active' order by random() limit 1
      ) victim`);
    await admin.unsafe("select pg_sleep(0.01)");
  }
  await admin.end();
}
