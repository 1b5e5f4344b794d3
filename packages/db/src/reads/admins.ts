import { asc, eq, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { text } from "../decoders.ts";
import { admins } from "../schema/index.ts";
import { rowsOf } from "../sql.ts";

export type Admin = typeof admins.$inferSelect;

/** The administrator with an e-mail, ignoring case, disabled or not; null if there is none. */
export async function findAdmin(db: Db, email: string): Promise<Admin | null> {
  const [admin] = await db.select().from(admins).where(eq(admins.email, email.toLowerCase()));
  return admin ?? null;
}

/** All administrators, disabled ones included, in the order of their creation. */
export async function listAdmins(db: Db): Promise<Admin[]> {
  return db.select().from(admins).orderBy(asc(admins.id));
}

/** Whether there is any administrator. */
export async function hasAdmins(db: Db): Promise<boolean> {
  const rows = await db.select({ id: admins.id }).from(admins).limit(1);
  return rows.length > 0;
}

/** The parts of the enabled administrators' password hashes that precede salt and key, each once: kind and parameters. */
export async function listHashParameters(db: Db): Promise<string[]> {
  const rows = await rowsOf(
    db,
    { parameters: text },
    sql`
    select distinct regexp_replace(password_hash, '[$][^$]*[$][^$]*$', '') as parameters from admins
    where disabled_at is null order by parameters`,
  );
  return rows.map(({ parameters }) => parameters);
}
