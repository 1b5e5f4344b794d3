import { type SQL, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connect, type DbConnection, writable } from "../client.ts";
import { cents, integer } from "../decoders.ts";
import { scheduler } from "../schema/index.ts";
import { rowsOf } from "../sql.ts";
import { type TestDatabase, testDatabase } from "../testing/index.ts";

/** The statements of a test run on one connection, so that each follows the one before on it. */
let database: TestDatabase;
let connection: DbConnection;

beforeAll(async () => {
  database = await testDatabase();
  await database.sql.unsafe(`
    create table refused (n int, constraint refused_n unique (n) deferrable initially deferred);
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
    create table guarded (n int);
    create trigger guard after insert on guarded for each statement execute function refuse()`);
});
afterAll(() => database.close());

beforeEach(() => {
  connection = connect({ url: database.url, max: 1 });
});
afterEach(() => connection.close());

interface Failure {
  readonly statement: SQL;
  readonly message: RegExp;
  /** Sets a time limit for the connection first. */
  readonly limit?: SQL;
}

const failures: readonly [string, Failure][] = [
  [
    "divides by zero in its third row",
    { statement: sql`select 1/(3-x) as n from generate_series(1,3) x`, message: /division by zero/ },
  ],
  [
    "is cancelled in its third row",
    {
      statement: sql`
        select x as n, case when x = 3 then pg_cancel_backend(pg_backend_pid()) end from generate_series(1,1000000) x`,
      message: /canceling statement due to user request/,
    },
  ],
  [
    "exceeds its time limit in its third row",
    {
      limit: sql`select 1 as n, set_config('statement_timeout', '100', false)`,
      statement: sql`select x as n, case when x = 3 then pg_sleep(600) end from generate_series(1,3) x`,
      message: /canceling statement due to statement timeout/,
    },
  ],
  [
    "is refused by a trigger after its rows are written",
    { statement: sql`insert into guarded select x from generate_series(1,3) x returning n`, message: /refused/ },
  ],
  [
    "is refused at its commit",
    { statement: sql`insert into refused values (1), (2), (2) returning n`, message: /duplicate key value/ },
  ],
];

const n = { n: integer };
const answerOf = (statement: SQL) => rowsOf(connection.db, n, statement);

describe("answers after a failed statement", () => {
  it.each(failures)(
    "a statement that %s fails, and the next answers have their own rows only",
    async (_what, { limit, statement, message }) => {
      for (let times = 0; times < 3; times += 1) {
        if (limit) await answerOf(limit);
        await expect(answerOf(statement)).rejects.toThrow(message);
        expect(await answerOf(sql`select 42 as n`)).toEqual([{ n: 42 }]);
        expect(await answerOf(sql`select 42 as n where false`)).toEqual([]);
        expect(await connection.db.select({ tick: sql<number>`42` }).from(scheduler)).toEqual([]);
        expect(await connection.db.$count(scheduler)).toBe(0);
      }
    },
  );

  it.each(failures)(
    "a statement that %s leaves nothing behind for a statement that Drizzle composes",
    async (_what, { limit, statement }) => {
      if (limit) await answerOf(limit);
      await expect(writable(connection.db).execute(statement)).rejects.toThrow();
      expect(await connection.db.$count(scheduler)).toBe(0);
      expect(await rowsOf(connection.db, { n: cents }, sql`select count(*) as n from scheduler`)).toEqual([{ n: 0n }]);
    },
  );
});
