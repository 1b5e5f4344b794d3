import type { Db } from "../client.ts";
import { settings } from "../schema/index.ts";

export type Settings = typeof settings.$inferSelect;

/** The settings that apply now. @throws Error when the row that a migration creates is missing */
export async function getSettings(db: Db): Promise<Settings> {
  const [row] = await db.select().from(settings);
  if (!row) throw new Error("the row of the settings is missing; a migration creates it");
  return row;
}
