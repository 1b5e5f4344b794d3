import type { TestDatabase } from "./test-database.ts";

const SLOW_S = 1;
const VERY_SLOW_S = 10;

/**
 * Makes every statement that creates invoices last a second, as on a database under load, and ten seconds once half of the
 * users are invoiced. A run then outlasts a storm on a machine of any speed. The statement sleeps between its work and its
 * commit. A process that dies at that moment leaves the most behind: the money moves, and the queue is not informed.
 *
 * @param users how many users the run pays
 * @returns a function that ends this for the statements that begin afterwards
 */
export async function slowDownInvoices(
  { sql }: Pick<TestDatabase, "sql">,
  users: number,
): Promise<() => Promise<void>> {
  await sql.unsafe(`
    create or replace function sleep_a_little() returns trigger language plpgsql as $$
    begin
      perform pg_sleep(case when count(*) > ${users / 2} then ${VERY_SLOW_S} else ${SLOW_S} end) from invoices;
      return null;
    end $$;
    create or replace trigger slow after insert on invoices for each statement execute function sleep_a_little()`);
  return async () => {
    await sql.unsafe(`
      create or replace function sleep_a_little() returns trigger language plpgsql as $$ begin return null; end $$`);
  };
}
