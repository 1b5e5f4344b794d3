import { Socket } from "node:net";
import pg from "pg";
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

const CONNECT_TIMEOUT_MS = 30_000;

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
  const url = urlOf(port, password, "postgres");
  const statement = "select from pg_database where datname = $1";
  const answer = withConnection(url, (client) => client.query(statement, [NAME]), timeoutMs);
  return answer.then(({ rowCount }) => (rowCount === 1 ? "ready" : "no-database"), answerFor);
}

function answerFor(error: unknown): Answer {
  return ANSWERS[errorCode(error) ?? ""] ?? "silent";
}

/** Creates the database `payouts`; an existing one is not an error. */
export async function createDatabase(port: number, password: string): Promise<void> {
  await withConnection(urlOf(port, password, "postgres"), async (client) => {
    await client.query(`create database ${NAME}`).catch((error: unknown) => {
      if (errorCode(error) !== "42P04") throw error;
    });
  });
}

/**
 * @param timeoutMs after this time the connection is cut, so that `work` fails if it still waits for the server; without it
 *   only connecting is limited
 */
async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>, timeoutMs?: number): Promise<T> {
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: url,
    ssl: false,
    stream: () => socket,
    connectionTimeoutMillis: timeoutMs ?? CONNECT_TIMEOUT_MS,
  });
  // A lost connection makes the call fail that waits for it; without a listener the event would also end the process.
  client.on("error", () => undefined);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => socket.destroy(), timeoutMs);
  try {
    await client.connect();
    return await work(client);
  } finally {
    clearTimeout(timer);
    // Without a goodbye: a server that does not answer would not answer the goodbye either.
    socket.destroy();
  }
}
