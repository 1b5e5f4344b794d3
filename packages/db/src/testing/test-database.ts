import { createScratchDatabase, type ReservedSql, type ScratchDatabase } from "@cpa-payouts/testing-servers";
import { connect, type Db } from "../index.ts";

/** A database of one test, with the product's client on it. */
export interface TestDatabase extends ScratchDatabase {
  readonly db: Db;
}

/** A migrated database of its own, cloned from the template; `empty` has no tables at all. */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const scratch = await createScratchDatabase(options);
  const { db, close } = connect({ url: scratch.url, max: 4, applicationName: "test" });
  return {
    ...scratch,
    db,
    close: async () => {
      await Promise.all([close(), scratch.close()]);
    },
  };
}

/** The product's statements on one connection of a test, such as that of a transaction which the test holds open. */
export function onConnection(sql: ReservedSql): Db {
  const query = async ({ text }: { text: string }, values: readonly unknown[]) => ({
    rows: await sql.unsafe(text, values),
  });
  return { $client: { query } } as unknown as Db;
}
