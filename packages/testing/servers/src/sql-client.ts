import pg from "pg";

/** Runs statements that the tests write themselves. A `bigint` arrives as one, dates and instants as Date. */
export interface Sql {
  /** Runs a statement whose values are parameters. */
  <Rows extends readonly object[] = pg.QueryResultRow[]>(
    text: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Promise<Rows>;
  /** Runs a text as it is; several statements without values may stand in it, and then there are no rows. */
  unsafe<Rows extends readonly object[] = pg.QueryResultRow[]>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Rows>;
}

/** A client that takes any of its connections for each statement. */
export interface SqlClient extends Sql {
  /** The name of the database. */
  readonly database: string;
  /** Takes a connection for itself, for transactions and settings of a session. */
  reserve(): Promise<ReservedSql>;
  end(): Promise<void>;
}

export interface ReservedSql extends Sql {
  /** Gives the connection back. */
  release(): void;
}

const INT8 = 20;

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: "text") =>
    oid === INT8 ? BigInt : pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig["getTypeParser"],
};

/** Opens a client with at most `max` connections. The first statement connects. */
export function openSql(url: string, max = 4): SqlClient {
  const pool = new pg.Pool({ connectionString: url, max, types, idleTimeoutMillis: 0 });
  // Tests drop connections; a statement on one of them fails, and the next one opens another.
  pool.on("error", () => {});
  pool.on("connect", (connection) => connection.on("error", () => {}));
  const reserved = new Set<pg.PoolClient>();
  const release = (connection: pg.PoolClient, isCut: boolean) => {
    if (reserved.delete(connection)) connection.release(isCut);
  };
  return Object.assign(sqlOn(pool), {
    database: new URL(url).pathname.slice(1),
    reserve: async () => {
      const connection = await pool.connect();
      reserved.add(connection);
      return Object.assign(sqlOn(connection), { release: () => release(connection, false) });
    },
    end: () => {
      // A test that failed may still hold one.
      for (const connection of reserved) release(connection, true);
      return pool.end();
    },
  });
}

/** Runs `work` with a client on one connection, and closes the client. */
export async function withSql<T>(url: string, work: (sql: SqlClient) => Promise<T>): Promise<T> {
  const sql = openSql(url, 1);
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

function sqlOn(client: Pick<pg.ClientBase, "query">): Sql {
  const unsafe = async (text: string, values: readonly unknown[] = []) =>
    (await client.query({ text, values: [...values] })).rows ?? [];
  const template = (text: TemplateStringsArray, ...values: readonly unknown[]) =>
    unsafe(
      text.reduce((before, part, index) => `${before}$${index}${part}`),
      values,
    );
  return Object.assign(template, { unsafe }) as Sql;
}
