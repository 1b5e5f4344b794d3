import { sql } from "drizzle-orm";
import { check, index, pgTable, text } from "drizzle-orm/pg-core";
import { id, instant } from "./columns.ts";

/**
 * The previews of bulk reviews that may be committed (docs/decisions/0022). Only a hash of the token is stored. A preview
 * is used once, by the person who made it.
 */
export const reviewPreviews = pgTable(
  "review_previews",
  {
    id: id(),
    tokenHash: text().notNull().unique("review_previews_token"),
    /** Who made the preview, as in the audit log. */
    actor: text().notNull(),
    /** Identifies what was requested: selection and verdict, with disposition and reason. */
    requestDigest: text().notNull(),
    /** Identifies what was shown: invoices, amounts and results. */
    setDigest: text().notNull(),
    createdAt: instant().notNull(),
    expiresAt: instant().notNull(),
    /** When the review was committed; null while it was not. */
    usedAt: instant(),
  },
  (t) => [
    index("review_previews_actor_idx").on(t.actor, t.id),
    check("review_previews_expires_later", sql`${t.expiresAt} > ${t.createdAt}`),
  ],
);
