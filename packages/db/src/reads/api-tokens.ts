import { asc, eq } from "drizzle-orm";
import type { Db } from "../client.ts";
import { apiTokens } from "../schema/index.ts";

export type ApiToken = typeof apiTokens.$inferSelect;

/** All tokens, revoked and expired ones included, oldest first. None is ever deleted, because the audit log names them. */
export async function listApiTokens(db: Db): Promise<ApiToken[]> {
  return db.select().from(apiTokens).orderBy(asc(apiTokens.id));
}

/** The token of a name, even a revoked or expired one; null if there is none. */
export async function findApiTokenByName(db: Db, name: string): Promise<ApiToken | null> {
  const [token] = await db.select().from(apiTokens).where(eq(apiTokens.name, name));
  return token ?? null;
}
