import { asc } from "drizzle-orm";
import type { Db } from "../client.ts";
import { apiTokens } from "../schema/index.ts";

export type ApiToken = typeof apiTokens.$inferSelect;

/** All tokens, revoked and expired ones included, oldest first. None is ever deleted, because the audit log names them. */
export async function listApiTokens(db: Db): Promise<ApiToken[]> {
  return db.select().from(apiTokens).orderBy(asc(apiTokens.id));
}
