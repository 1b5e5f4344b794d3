import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, writable } from "./client.ts";
import { describeError, isConnectionError, isDataError } from "./errors.ts";
import { ping } from "./ping.ts";
import { openTestData, type TestData } from "./testing/index.ts";

const UNREACHABLE = "postgres://somebody:secret@127.0.0.1:1/payouts";

let data: TestData;
beforeAll(async () => {
  data = await openTestData({ users: [{ externalId: "a" }] });
});
afterAll(async () => {
  await data.close();
});

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Error);
  return outcome;
}

describe("database error", () => {
  it("a database error is described without the parameters of its statement", async () => {
    const email = "publisher.17@example.com";
    const insert = sql`insert into users (external_id, email, status, joined_at, updated_at)
      values ('b', ${email}, 'sleeping', now(), now())`;
    const error = await errorOf(writable(data.ctx.db).execute(insert));
    expect((error as Error).message).toContain(email);
    expect(describeError(error)).toBe(
      'new row for relation "users" violates check constraint "users_status_known" (SQLSTATE 23514)',
    );
  });

  it("e-mail addresses in the message of a database error are masked", async () => {
    const raised = sql.raw(
      "do $$ begin raise exception 'no money for <publisher.17@example.com>, ask x@y.org'; end $$",
    );
    const error = await errorOf(writable(data.ctx.db).execute(raised));
    expect(describeError(error)).toBe("no money for <***>, ask *** (SQLSTATE P0001)");
  });

  it.each([
    ["a violated constraint", "insert into scheduler values (2, now(), now())", true],
    ["a value out of range", "select 9223372036854775807 + 1::bigint", true],
    ["an exception raised by a trigger", "do $$ begin raise exception 'no'; end $$", true],
    ["a refused change of the ledger", "delete from ledger_entries", true],
    ["a deadlock", "do $$ begin raise exception 'x' using errcode = '40P01'; end $$", false],
    ["a serialization failure", "do $$ begin raise exception 'x' using errcode = '40001'; end $$", false],
    ["a server that shuts down", "do $$ begin raise exception 'x' using errcode = '57P01'; end $$", false],
    ["a full disk", "do $$ begin raise exception 'x' using errcode = '53100'; end $$", false],
    ["a read-only database", "do $$ begin raise exception 'x' using errcode = '25006'; end $$", false],
    ["a lock timeout", "do $$ begin raise exception 'x' using errcode = '55P03'; end $$", false],
  ])("%s is classified by whether a retry can help", async (_name, statement, isFinal) => {
    const error = await errorOf(writable(data.ctx.db).execute(sql.raw(statement)));
    expect(isDataError(error)).toBe(isFinal);
    expect(isConnectionError(error)).toBe(statement.includes("57P01"));
  });

  it("a killed backend is classified as a lost connection", async () => {
    const slow = errorOf(writable(data.ctx.db).execute(sql`select pg_terminate_backend(pg_backend_pid())`));
    const error = await slow;
    expect(isConnectionError(error)).toBe(true);
    expect(isDataError(error)).toBe(false);
  });
});

describe("unreachable database", () => {
  it("an unreachable database is reported in one line, without the password", async () => {
    const { db, close } = connect({ url: UNREACHABLE });
    const error = (await errorOf(ping(db, UNREACHABLE))) as Error;
    await close();
    expect(error.message).toMatch(/^the database at 127\.0\.0\.1:1\/payouts does not answer: [^\n]+check DATABASE_URL/);
    expect(error.message).not.toMatch(/secret|somebody/);
  });

  it("an unreachable database is classified as a lost connection", async () => {
    const { db, close } = connect({ url: UNREACHABLE });
    expect(isConnectionError(await errorOf(writable(db).execute(sql`select 1`)))).toBe(true);
    await close();
  });
});

describe("error without a message", () => {
  it("an error without a message is described by the error inside it or by its name, and a long message is shortened", () => {
    expect(describeError(new AggregateError([new Error("connect ECONNREFUSED ::1:5432")]))).toBe(
      "connect ECONNREFUSED ::1:5432",
    );
    expect(describeError(new TypeError(""))).toBe("TypeError");
    expect(describeError("a string")).toBe("a string");
    expect(describeError(new Error(`x${"\ny".repeat(1_000)}`)).length).toBeLessThanOrEqual(301);
  });
});
