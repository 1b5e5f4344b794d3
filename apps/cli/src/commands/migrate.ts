import { InputError } from "@cpa-payouts/core";
import { connect, migrationState, ping } from "@cpa-payouts/db";
import type { Cli } from "../cli.ts";
import { migrateAll, withServer } from "../connection.ts";

/**
 * `payouts migrate`: applies the missing migrations, Drizzle's and BullMQ's.
 *
 * @throws InputError with DATABASE_POOLER=transaction, because migrations need a session of their own
 */
export async function migrate(cli: Cli): Promise<undefined> {
  if (cli.config.isPooled)
    throw new InputError(
      'DATABASE_POOLER=transaction is set, and migrations need a session of their own: run "payouts migrate" without it, ' +
        "with the server's own address in DATABASE_URL",
    );
  await withServer(cli, async ({ url }) => {
    const { db, close } = connect({ url, max: 1, applicationName: "payouts-migrate" });
    try {
      await ping(db, url);
      const before = await migrationState(db, cli.migrationsFolder);
      await migrateAll(cli, url);
      const { known, applied } = await migrationState(db, cli.migrationsFolder);
      const added = applied - before.applied;
      await cli.output.object({ applied: added, total: known }, () => [
        added > 0 ? `Applied ${added} migrations; the database is up to date` : "The database is up to date",
      ]);
    } finally {
      await close();
    }
  });
}
