import { Socket } from "node:net";
import pg from "pg";
import { databaseErrorOf, LostConnectionError } from "../errors.ts";
import { type Answer, ask, type Statement } from "./ask.ts";
import { createTurns, type Turns } from "./turns.ts";
import { valueTypes } from "./values.ts";

/** The connections to a server, as one client. */
export interface Connections {
  /** Runs one statement on a connection of its own. @throws when the statement fails, or when there is no connection */
  query(statement: Statement, params?: readonly unknown[]): Promise<Answer>;
  /** Refuses later calls, waits at most `timeoutSeconds` for those before, and then cuts all connections. */
  close(timeoutSeconds: number): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 60_000;

/** A connection is replaced after this time, so that a changed address or setting reaches long-lived processes. */
const LONGEST_LIFE_S = 45 * 60;

/**
 * SQLSTATEs, or the beginnings of them, after which a connection is used again: the statement is wrong, or met another
 * one. The server has told all there is to tell about it, and reconnecting for each would be a burden that any caller who
 * provokes such errors could put on the server. After every other error, a cancelled statement included, the connection is
 * closed (docs/decisions/0018-node-postgres.md).
 */
const HARMLESS = /^(22|23|40|42|P0|25006|55P03)/;

/**
 * Opens no connection yet; the first statements do.
 *
 * @param config how to connect; the parsers of values, time limits and sockets are set here
 * @param max how many connections there are at most
 * @param prepare called on each new connection before its first statement
 */
export function openConnections(options: {
  config: pg.ClientConfig;
  max: number;
  prepare?: (connection: pg.ClientBase) => Promise<unknown>;
}): Connections {
  const sockets = trackedSockets();
  const pool = openPool(options, sockets.open);
  const turns = createTurns(options.max);
  const run = onPool(pool, turns);
  let closing: Promise<void> | undefined;

  return {
    async query(statement, params) {
      await turns.take();
      try {
        return await run(statement, params).catch((error: unknown) => {
          if (!isStale(error)) throw error;
          return run({ ...statement, name: undefined }, params);
        });
      } finally {
        turns.giveBack();
      }
    },
    close(timeoutSeconds) {
      closing ??= closeAll({ pool, turns, sockets }, timeoutSeconds);
      return closing;
    },
  };
}

function openPool({ config, max, prepare }: Parameters<typeof openConnections>[0], stream: () => Socket): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    types: valueTypes,
    stream,
    max,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 0,
    maxLifetimeSeconds: LONGEST_LIFE_S,
    // The pool waits for the promise; its type says void.
    ...(prepare ? { onConnect: prepare as (connection: pg.ClientBase) => void } : {}),
  });
  // A connection that is lost while it is idle needs no report: the pool forgets it, and the next statement opens another.
  pool.on("error", () => {});
  // One that is lost during a statement makes the statement fail; without a listener the event would also end the process.
  pool.on("connect", (connection) => connection.on("error", () => {}));
  return pool;
}

/**
 * Returns a function that runs a statement for a caller whose turn it is. There are as many turns as connections, so no call
 * waits in the pool itself: its time limit would also count the wait for running statements, and its end forgets those calls.
 */
function onPool(pool: pg.Pool, turns: Turns): Connections["query"] {
  let running = 0;

  async function connect(): Promise<pg.PoolClient> {
    try {
      return await pool.connect();
    } catch (cause) {
      const error = lost(cause);
      // The server is silent and no statement runs: each of the waiting calls would wait for the same error in turn.
      if (running === 0 && databaseErrorOf(cause) === null) turns.refuseWaiting(error);
      throw error;
    }
  }

  return async (statement, params) => {
    const connection = await connect();
    const loss = watchLoss(connection);
    running += 1;
    let failure: unknown = null;
    try {
      return await ask(connection, statement, params);
    } catch (cause) {
      failure = loss.error() ? lost(cause) : cause;
      throw failure;
    } finally {
      running -= 1;
      loss.forget();
      connection.release(failure !== null && !isHarmless(failure));
    }
  };
}

/**
 * Whether a migration has changed the columns of a statement that the connection has parsed. The server refuses it before it
 * runs, so it may be sent again.
 */
function isStale(error: unknown): boolean {
  return databaseErrorOf(error)?.routine === "RevalidateCachedQuery";
}

function isHarmless(error: unknown): boolean {
  return HARMLESS.test(databaseErrorOf(error)?.code ?? "");
}

/** pg emits an event for a lost connection before the statement on it fails. */
function watchLoss(connection: pg.PoolClient) {
  let error: Error | null = null;
  const onError = (cause: Error) => {
    error ??= cause;
  };
  connection.on("error", onError);
  return { error: () => error, forget: () => connection.off("error", onError) };
}

function lost(cause: unknown): LostConnectionError {
  const message = cause instanceof Error && cause.message ? cause.message : "no connection to the database";
  return new LostConnectionError(message, { cause });
}

interface Sockets {
  open(): Socket;
  cutAll(): void;
  untilClosed(): Promise<void>;
}

/** pg has no way to cut a connection whose server does not respond. */
function trackedSockets(): Sockets {
  const all = new Set<Socket>();
  return {
    open() {
      const socket = new Socket();
      all.add(socket);
      socket.once("close", () => all.delete(socket));
      return socket;
    },
    cutAll() {
      for (const socket of all) socket.destroy();
    },
    async untilClosed() {
      await Promise.all(
        [...all].map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
      );
    },
  };
}

async function closeAll(
  { pool, turns, sockets }: { pool: pg.Pool; turns: Turns; sockets: Sockets },
  timeoutSeconds: number,
): Promise<void> {
  const error = new LostConnectionError("the connections to the database are closed");
  turns.close(error);
  const timer = setTimeout(() => {
    turns.refuseWaiting(error);
    sockets.cutAll();
  }, timeoutSeconds * 1_000);
  await turns.untilIdle();
  await pool.end();
  await sockets.untilClosed();
  clearTimeout(timer);
}
