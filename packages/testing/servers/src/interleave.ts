import { eventually } from "./eventually.ts";
import type { ScratchDatabase } from "./scratch-database.ts";
import type { ReservedSql } from "./sql-client.ts";

export interface HeldTransaction {
  readonly sql: ReservedSql;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** A transaction of another client that stays open and keeps its locks, to force two statements into an order. */
export async function holdTransaction(
  database: ScratchDatabase,
  work: (sql: ReservedSql) => Promise<unknown>,
): Promise<HeldTransaction> {
  const sql = await database.sql.reserve();
  await sql`begin`;
  await work(sql);
  const end = async (statement: "commit" | "rollback") => {
    await sql.unsafe(statement);
    sql.release();
  };
  return { sql, commit: () => end("commit"), rollback: () => end("rollback") };
}

/** Waits until at least `statements` statements of a database wait for a lock. */
export async function untilBlocked({ sql }: ScratchDatabase, statements = 1): Promise<void> {
  await eventually(async () => {
    const [row] = await sql<{ waiting: number }[]>`
      select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return (row?.waiting ?? 0) >= statements;
  });
}

/** Kills the connections whose statements wait for a lock, as a failover would. */
export async function killBlocked({ sql }: ScratchDatabase): Promise<void> {
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
}
