import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { errorCode } from "./errors.ts";

/** The database and its user; both exist in every embedded server. */
export const NAME = "payouts";

/**
 * How a server answers a connection.
 * `ready`: it answers, even if only that all connections are taken; `busy`: it is starting or stopping; `no-database`: it
 * answers, but the database is missing; `wrong-password`: it rejects the password; `silent`: no answer, or none in time.
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

/**
 * Asks the server whether it has the database `payouts`. An error is an answer as well. Resolves within `timeoutMs`
 * milliseconds.
 */
export async function ask(port: number, password: string, timeoutMs: number): Promise<Answer> {
  // Connects to a database that every server has: connecting to a missing one would log an error.
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

/** Creates the database `payouts`; an existing one is not an error. */
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
    // No grace period: a server that does not answer would not answer the disconnect either.
    await sql.end({ timeout: 0 });
  }
}
