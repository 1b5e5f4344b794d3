import { readFile } from "node:fs/promises";
import { connect, createInvoices, type Db } from "@cpa-payouts/db";
import { sql } from "drizzle-orm";
import { createDatabase, type DecidedNetwork } from "./network.ts";

/** How many users of the network a lap pays, and how many of them by one statement. */
export interface SetBasedSize {
  readonly users: number;
  readonly usersPerStatement: number;
}

export interface SetBasedLap {
  readonly invoicesPerSecond: number;
  /** CPU time of the statement's server process per invoice, in microseconds; NaN where the system does not tell it. */
  readonly cpuMicros: number;
  /** WAL of the server per invoice. Since a checkpoint precedes the lap, it contains an image of each page that is changed. */
  readonly walBytes: number;
}

/**
 * Measures the limit of the database: the product's own statement without a queue, on one connection with the settings of a
 * worker. It pays users who are as after an import, since each lap has a copy of the network.
 *
 * @param name of the copy
 * @throws Error when a user was not invoiced
 */
export async function payWithoutQueue(network: DecidedNetwork, size: SetBasedSize, name: string): Promise<SetBasedLap> {
  const database = await createDatabase(network.postgresUrl, name, network.template.name);
  await database.execute("checkpoint");
  const { db, close } = connect({ url: database.url, max: 1, steadyPlans: true });
  try {
    return await measureLap(db, network.runId, size);
  } finally {
    await close();
    await database.drop();
  }
}

async function measureLap(db: Db, runId: number, size: SetBasedSize): Promise<SetBasedLap> {
  const before = await readUsage(db);
  const start = performance.now();
  await payAll(db, runId, size);
  const seconds = (performance.now() - start) / 1_000;
  const after = await readUsage(db);
  if (after.pid !== before.pid) throw new Error("the connection was opened again during the lap");
  return {
    invoicesPerSecond: size.users / seconds,
    cpuMicros: (after.cpuMicros - before.cpuMicros) / size.users,
    walBytes: (after.walBytes - before.walBytes) / size.users,
  };
}

async function payAll(db: Db, runId: number, { users, usersPerStatement }: SetBasedSize): Promise<void> {
  const userIds = Array.from({ length: users }, (_, index) => index + 1);
  for (let from = 0; from < users; from += usersPerStatement) {
    const some = userIds.slice(from, from + usersPerStatement);
    const created = await createInvoices(db, { runId, userIds: some, now: new Date() });
    if (created.length !== some.length) throw new Error(`${created.length} of ${some.length} users were invoiced`);
  }
}

/** What the server process of the only connection has used since it started, and the server since it was created. */
async function readUsage(db: Db): Promise<{ pid: number; cpuMicros: number; walBytes: number }> {
  const pid = sql<number>`pg_backend_pid()`;
  const wal = sql<string>`pg_current_wal_insert_lsn() - '0/0'`;
  const [row] = await db.select({ pid, wal }).from(sql`(select) as nothing`);
  if (!row) throw new Error("the server did not tell its process and its WAL");
  return { pid: row.pid, cpuMicros: await cpuMicrosOf(row.pid), walBytes: Number(row.wal) };
}

/**
 * The CPU time of a process since it started, in microseconds.
 *
 * @returns NaN on a system without /proc/PID/schedstat, or with one that does not count
 */
export async function cpuMicrosOf(pid: number): Promise<number> {
  // Its first number is in nanoseconds; /proc/PID/stat counts in hundredths of a second.
  const schedstat = await readFile(`/proc/${pid}/schedstat`, "utf8").catch(() => "");
  const nanoseconds = Number(/^[1-9]\d*/.exec(schedstat)?.[0] ?? Number.NaN);
  return nanoseconds / 1_000;
}
