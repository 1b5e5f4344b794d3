import type { TestDatabase } from "@cpa-payouts/testing";

/**
 * Makes every statement that creates invoices last longer, as on a database under load. It sleeps between the
 * statement's work and its commit, where a process that dies leaves the most behind: the money moves, and nobody is
 * there to tell the queue.
 *
 * @returns a function that ends it
 */
export async function slowDownInvoices({ sql }: TestDatabase, ms: number): Promise<() => Promise<void>> {
  const sleep = (milliseconds: number) =>
    sql.unsafe(`create or replace function sleep_a_little() returns trigger language plpgsql as $$
      begin perform pg_sleep(${milliseconds / 1_000}); return null; end $$`);
  await sleep(ms);
  await sql.unsafe(`create trigger slow after insert on invoices for each statement execute function sleep_a_little()`);
  return async () => {
    await sleep(0);
  };
}
