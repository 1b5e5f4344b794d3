import { connect, createInvoices } from "@cpa-payouts/db";
import { createDatabase } from "./network.ts";
import type { Track } from "./race.ts";

/**
 * Measures the limit of the database: the product's own statement without a queue, for `perStatement` users at a time.
 *
 * @returns invoices per second
 * @throws Error when a user was not invoiced
 */
export async function payWithoutQueue(track: Track, users: number, perStatement: number): Promise<number> {
  const database = await createDatabase(track.postgresUrl, `set_based_${perStatement}`, track.template.name);
  const { db, close } = connect({ url: database.url, max: 1 });
  const userIds = Array.from({ length: users }, (_, index) => index + 1);
  const start = performance.now();
  for (let from = 0; from < users; from += perStatement) {
    const some = userIds.slice(from, from + perStatement);
    const created = await createInvoices(db, { runId: track.runId, userIds: some, now: new Date() });
    if (created.length !== some.length) throw new Error(`${created.length} of ${some.length} users were invoiced`);
  }
  const seconds = (performance.now() - start) / 1_000;
  await close();
  await database.drop();
  return users / seconds;
}
