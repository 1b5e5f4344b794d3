import { OperationError } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { integer } from "./decoders.ts";
import { describeError } from "./errors.ts";
import { execute, rowOf } from "./sql.ts";

/** PostgreSQL 14 is the oldest version that this system and BullMQ's PostgreSQL backend support. */
const OLDEST_MAJOR = 14;

/** PgBouncer's error for a connection that sends settings of its own. */
const POOLER_REFUSES = /^unsupported startup parameter/;

/**
 * Checks that the database answers and is recent enough.
 *
 * @throws OperationError, one line, that names the server but never its password
 */
export async function ping(db: Db, url: string): Promise<void> {
  const server = describeServer(url);
  const version = await serverVersion(db).catch((cause: unknown) => {
    if (POOLER_REFUSES.test(describeError(cause)))
      throw new OperationError(
        `the database at ${server} is behind a pooler: set DATABASE_POOLER=transaction, or let DATABASE_URL name the server itself`,
      );
    throw new OperationError(
      `the database at ${server} does not answer: ${describeError(cause)}; check DATABASE_URL and that the server runs`,
    );
  });
  if (version < OLDEST_MAJOR * 10_000)
    throw new OperationError(
      `the database at ${server} is PostgreSQL ${Math.floor(version / 10_000)}; ${OLDEST_MAJOR} or newer is needed`,
    );
}

/** Runs a trivial query. @throws the driver's error when the database does not answer */
export async function assertAnswers(db: Db): Promise<void> {
  await execute(db, sql`select 1`);
}

async function serverVersion(db: Db): Promise<number> {
  const { version } = await rowOf(
    db,
    { version: integer },
    sql`select current_setting('server_version_num')::int as version`,
  );
  return version;
}

/** Returns host, port and database name of a connection URL, without user and password. */
export function describeServer(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}${port ? `:${port}` : ""}${pathname}`;
}
