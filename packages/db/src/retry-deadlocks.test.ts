import { eventually, holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "./reads/invariants.ts";
import { createInvoices } from "./statements/create-invoices.ts";
import { decidedRun, openTestData, type TestData } from "./testing/index.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ users: [{ externalId: "a" }, { externalId: "b" }, { externalId: "c" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

describe("deadlock with a transaction of another program", () => {
  it("a statement that PostgreSQL chose as the victim of a deadlock runs again and succeeds", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    const lockUser = (id: number) => `select from users where id = ${id} for update`;
    const first = await holdTransaction(data.database, (sql) => sql.unsafe(lockUser(2)));
    // This transaction takes the users in the opposite order, and leaves the search for deadlocks to the statement.
    const other = await holdTransaction(data.database, async (sql) => {
      await sql`set local deadlock_timeout = '1h'`;
      await sql.unsafe(lockUser(3));
    });
    const batch = createInvoices(data.ctx.db, { runId: run.id, userIds: [1, 2, 3], now: data.clock() });
    await untilBlocked(data.database, 1);
    const opposite = other.sql.unsafe(lockUser(1));
    await untilBlocked(data.database, 2);
    await first.commit();
    await opposite;
    await other.commit();
    expect((await batch).map(({ outcome }) => outcome)).toEqual(["invoiced", "invoiced", "invoiced"]);
    await eventually(async () => (await countDeadlocks()) === 1);
  });

  async function countDeadlocks(): Promise<unknown> {
    await data.database.sql`select pg_stat_force_next_flush()`;
    const [row] = await data.database
      .sql`select deadlocks::int as deadlocks from pg_stat_database where datname = current_database()`;
    return row?.deadlocks;
  }
});
