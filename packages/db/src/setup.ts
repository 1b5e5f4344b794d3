import { OperationError, type SetupProblem } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { type Db, steadyPlanSettings } from "./client.ts";
import { flag, text } from "./decoders.ts";
import { describeServer } from "./ping.ts";
import { arrayParam, rowOf, rowsOf } from "./sql.ts";

/**
 * Checks that a database which answers is a primary and writable; decisions about money need both.
 *
 * @param url the connection URL; the problem's line names the server, never its password
 * @returns the problem found; empty when there is none
 */
export async function checkDatabase(db: Db, url: string): Promise<readonly SetupProblem[]> {
  const { isReplica, isReadOnly, name } = await readState(db);
  const server = `the database at ${describeServer(url)}`;
  if (isReplica)
    return [
      { check: "database-primary", isCertain: true, line: `${server} is a replica: point DATABASE_URL at its primary` },
    ];
  if (!isReadOnly) return [];
  // The session that runs the remedy is read-only as well, hence the first statement.
  const remedy = `SET default_transaction_read_only = off; ALTER DATABASE ${name} RESET default_transaction_read_only;`;
  return [
    {
      check: "database-writable",
      isCertain: true,
      line:
        `${server} is read-only (default_transaction_read_only is on): find out why, then reset it where it was set ` +
        `(database, role or postgresql.conf); for the database, run in psql: "${remedy}"`,
    },
  ];
}

async function readState(db: Db) {
  return rowOf(
    db,
    { isReplica: flag, isReadOnly: flag, name: text },
    sql`select
      pg_is_in_recovery() as is_replica,
      current_setting('default_transaction_read_only')::bool as is_read_only,
      quote_ident(current_database()) as name`,
  );
}

/**
 * Like {@link checkDatabase}, for callers that cannot go on with a problem.
 *
 * @throws OperationError, one line, that says why the database cannot be written to
 */
export async function assertWritable(db: Db, url: string): Promise<void> {
  const problems = await checkDatabase(db, url);
  if (problems.length > 0) throw new OperationError(problems.map(({ line }) => line));
}

/**
 * The settings that a role needs for connections through a pooler (docs/pgbouncer.md). `unset` is the value that the server
 * shows when the setting is missing.
 */
const roleSettings = [
  { name: "statement_timeout", value: "60s", unset: "0" },
  { name: "lock_timeout", value: "60s", unset: "0" },
  { name: "idle_in_transaction_session_timeout", value: "60s", unset: "0" },
  ...Object.entries(steadyPlanSettings).map(([name, value]) => ({
    name,
    value,
    unset: value === "off" ? "on" : "auto",
  })),
];

/**
 * Checks that the role has the settings which a worker otherwise gives its connections itself, when there is no pooler.
 *
 * @param db connected through the pooler, as the workers are
 * @returns one problem, with the statements that fix it; empty when no setting is missing
 */
export async function checkRole(db: Db, url: string): Promise<readonly SetupProblem[]> {
  const rows = await rowsOf(
    db,
    { name: text, setting: text, role: text, database: text },
    sql`
    select name, setting, quote_ident(current_user) as role, quote_ident(current_database()) as database
    from pg_settings where name = any(${arrayParam(
      roleSettings.map(({ name }) => name),
      "text",
    )})`,
  );
  const isUnset = ({ name, unset }: (typeof roleSettings)[number]) =>
    rows.some((row) => row.name === name && row.setting === unset);
  const lacking = roleSettings.filter(isUnset);
  const [shown] = rows;
  if (!shown || lacking.length === 0) return [];
  const remedy = lacking.map(
    ({ name, value }) => `ALTER ROLE ${shown.role} IN DATABASE ${shown.database} SET ${name} = '${value}';`,
  );
  return [
    {
      check: "database-role",
      isCertain: true,
      line:
        `the database at ${describeServer(url)} gives pooled connections no ${lacking.map(({ name }) => name).join(", ")}: ` +
        `run "${remedy.join(" ")}" in psql, then RECONNECT in PgBouncer's console`,
    },
  ];
}
