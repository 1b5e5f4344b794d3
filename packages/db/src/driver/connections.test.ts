import { createServer, type Server, type Socket } from "node:net";
import { eventually, freePort, openLink } from "@cpa-payouts/testing-servers";
import { type SQL, sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConnectOptions, connect, connectionConfig, type DbConnection, writable } from "../client.ts";
import { integer, text } from "../decoders.ts";
import { isConnectionError, LostConnectionError } from "../errors.ts";
import { rowOf } from "../sql.ts";
import { type TestDatabase, testDatabase } from "../testing/index.ts";

let database: TestDatabase;
let opened: DbConnection[];

beforeEach(async () => {
  opened = [];
  database = await testDatabase();
});
afterEach(async () => {
  await Promise.all(opened.map(({ close }) => close(0)));
  await database.close();
});

function open(options: Partial<ConnectOptions> = {}): DbConnection {
  const connection = connect({ url: database.url, max: 2, applicationName: "tested", ...options });
  opened.push(connection);
  return connection;
}

const one = ({ db }: DbConnection) => rowOf(db, { n: integer }, sql`select 1 as n`);
const backendOf = async ({ db }: DbConnection) =>
  (await rowOf(db, { pid: integer }, sql`select pg_backend_pid() as pid`)).pid;
const run = ({ db }: DbConnection, statement: SQL) => writable(db).execute(statement);
const calls = (connection: DbConnection, count: number) => Array.from({ length: count }, () => one(connection));
const kill = () =>
  database.sql`select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name = 'tested'`;

/** Waits for all calls; each must have failed for want of a connection. */
async function expectLost(all: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(all);
  const others = outcomes.filter((outcome) => outcome.status === "fulfilled" || !isConnectionError(outcome.reason));
  expect(others).toEqual([]);
}

describe("a server that cannot be reached", () => {
  it("every call fails while the server refuses connections, and the first call afterwards succeeds", async () => {
    const connection = open();
    await one(connection);
    const outage = await database.outage();
    await expectLost(calls(connection, 200));
    await outage.end();
    await expect(one(connection)).resolves.toEqual({ n: 1 });
  });

  it("every call fails when nothing listens on the server's port", async () => {
    const url = new URL(database.url);
    url.port = String(await freePort());
    await expectLost(calls(open({ url: url.href }), 200));
  });

  it("a server that accepts connections and stays silent makes all waiting calls fail together", async () => {
    const accepted: Socket[] = [];
    const server: Server = createServer((socket) => {
      accepted.push(socket);
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await expectLost(calls(open({ url: `postgres://payouts:secret@127.0.0.1:${port}/payouts` }), 200));
    expect(accepted).toHaveLength(2);
    for (const socket of accepted) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("a lost connection", () => {
  it("a statement whose connection is lost fails, and the next one opens another", async () => {
    const connection = open();
    const sleeping = run(connection, sql`select pg_sleep(600)`);
    const lost = expectLost([sleeping]);
    await eventually(async () => (await kill()).length > 0);
    await lost;
    await expect(one(connection)).resolves.toEqual({ n: 1 });
  });

  it("connections that are lost while they are idle are replaced", async () => {
    const connection = open();
    await Promise.all(calls(connection, 2));
    await kill();
    await eventually(() => one(connection).catch(() => null));
    await expect(Promise.all(calls(connection, 20))).resolves.toHaveLength(20);
  });
});

describe("a connection after a failed statement", () => {
  it.each([
    ["a violated constraint", sql`insert into scheduler values (2, now(), now())`],
    ["a value out of range", sql`select 9223372036854775807 + 1::bigint`],
    ["an exception raised by a trigger", sql`do $$ begin raise exception 'no'; end $$`],
    ["a deadlock", sql`do $$ begin raise exception 'x' using errcode = '40P01'; end $$`],
    ["a lock timeout", sql`do $$ begin raise exception 'x' using errcode = '55P03'; end $$`],
  ])("a connection is used again after %s", async (_what, failing) => {
    const connection = open({ max: 1 });
    const before = await backendOf(connection);
    await expect(run(connection, failing)).rejects.toThrow();
    expect(await backendOf(connection)).toBe(before);
  });

  it.each([
    ["a cancelled statement", sql`select pg_cancel_backend(pg_backend_pid()), pg_sleep(600)`],
    ["an internal error", sql`do $$ begin raise exception 'x' using errcode = 'XX000'; end $$`],
    ["a full disk", sql`do $$ begin raise exception 'x' using errcode = '53100'; end $$`],
  ])("a connection is replaced after %s", async (_what, failing) => {
    const connection = open({ max: 1 });
    const before = await backendOf(connection);
    await expect(run(connection, failing)).rejects.toThrow();
    expect(await backendOf(connection)).not.toBe(before);
  });

  it("a statement whose columns a migration has changed is parsed again", async () => {
    await database.sql`create table changing as select 1 as n`;
    const connection = open({ max: 1 });
    const read = () => rowOf(connection.db, { n: integer }, sql`select n from changing`);
    await read();
    await database.sql`alter table changing alter n type smallint`;
    expect(await read()).toEqual({ n: 1 });
    expect(await read()).toEqual({ n: 1 });
  });
});

describe("closing the connections", () => {
  it("closing waits for the statements before it, and later ones are refused", async () => {
    const connection = open();
    const slow = rowOf(connection.db, { n: integer }, sql`select 1 as n from pg_sleep(0.2)`);
    const before = [slow, ...calls(connection, 10)];
    const closed = connection.close(600);
    await expect(one(connection)).rejects.toThrow(LostConnectionError);
    await closed;
    await expect(Promise.all(before)).resolves.toHaveLength(11);
    await eventually(
      async () => (await database.sql`select from pg_stat_activity where application_name = 'tested'`).length === 0,
    );
    await connection.close();
  });

  it("closing cuts the connections whose server hangs, and every statement fails", async () => {
    const link = await openLink(database.url);
    const connection = open({ url: link.url });
    await Promise.all(calls(connection, 2));
    link.hang();
    const lost = expectLost(calls(connection, 20));
    await connection.close(0);
    await lost;
    await link.close();
  });
});

describe("the address of the server", () => {
  it("settings in the options of the address apply, unless the product sets them itself", async () => {
    const url = new URL(database.url);
    url.searchParams.set("options", "-c work_mem=77MB -c statement_timeout=1");
    const settings = sql`select current_setting('work_mem') as memory, current_setting('statement_timeout') as timeout`;
    expect(await rowOf(open({ url: url.href }).db, { memory: text, timeout: text }, settings)).toEqual({
      memory: "77MB",
      timeout: "5min",
    });
  });

  it("sslmode has the meaning that PostgreSQL's own programs give it", async () => {
    const { connectionString } = connectionConfig(`${database.url}?sslmode=require`, "tested", {});
    expect(connectionString).toMatch(/\?sslmode=require&uselibpqcompat=true$/);
    await expect(one(open({ url: `${database.url}?sslmode=require` }))).rejects.toThrow("does not support SSL");
    await expect(one(open({ url: `${database.url}?sslmode=disable` }))).resolves.toEqual({ n: 1 });
  });
});
