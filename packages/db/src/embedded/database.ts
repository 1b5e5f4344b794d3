import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { errorCode } from "./errors.ts";

/** The database and its user; both exist in every embedded server. */
export const NAME = "payouts";

/**
 * What a server says to a connection.
 * `ready`: it answers (be it that all connections are taken); `busy`: it is starting or stopping; `no-database`: it answers, but
 * the database is missing; `wrong-password`: it answers, but not to us; `silent`: nobody answers, or not in time.
 */
export type Answer = "ready" | "busy" | "no-database" | "wrong-password" | "silent";

const ANSWERS: Readonly<Record<string, Answer>> = {
  "57P03": "busy", // cannot_connect_now
  "57P01": "busy", // admin_shutdown
  "28P01": "wrong-password", // invalid_password
  "28000": "wrong-password", // invalid_authorization_specification
  "53300": "ready", // too_many_connections
};

/** The address of the embedded database. */
export function urlOf(port: number, password: string, database: string = NAME): string {
  return `postgres://${NAME}:${password}@127.0.0.1:${port}/${database}`;
}

/** Asks the server whether it has our database; answers within `timeoutMs`. */
export async function ask(port: number, password: string, timeoutMs: number): Promise<Answer> {
  // By way of the database that every server has: to knock at a missing one would leave an error in the server's log.
  return withConnection(urlOf(port, password, "postgres"), async (sql) => {
    const late = new AbortController();
    const rows = sql`select from pg_database where datname = ${NAME}`;
    const answer = rows.then(({ length }) => (length > 0 ? "ready" : "no-database"), answerFor);
    const silence = sleep(timeoutMs, "silent" as const, { signal: late.signal }).catch(() => "silent" as const);
    return Promise.race([answer, silence]).finally(() => late.abort());
  });
}

function answerFor(error: unknown): Answer {
  return ANSWERS[errorCode(error) ?? ""] ?? "silent";
}

/** Creates the database; one that exists already is no error. */
export async function createDatabase(port: number, password: string): Promise<void> {
  await withConnection(urlOf(port, password, "postgres"), async (sql) => {
    await sql`create database ${sql(NAME)}`.catch((error: unknown) => {
      if (errorCode(error) !== "42P04") throw error;
    });
  });
}

async function withConnection<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, ssl: false, fetch_types: false, onnotice: () => undefined });
  try {
    return await work(sql);
  } finally {
    // Without a grace period: a server that does not answer would not say goodbye either.
    await sql.end({ timeout: 0 });
  }
}
