import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/** A person or program that makes many previews keeps the newest ones. */
const MOST_PER_ACTOR = 100;

export interface StoredPreview {
  readonly tokenHash: string;
  readonly actor: string;
  /** Identifies what was requested: selection and verdict. */
  readonly requestDigest: string;
  /** Identifies what was shown: the digest of `previewInvoiceReview`. */
  readonly setDigest: string;
  readonly now: Date;
  readonly expiresAt: Date;
}

/**
 * Stores the preview of a review, which `recordInvoiceReview` accepts once.
 *
 * It also removes previews: those that expired more than a day ago, and the oldest ones of an actor with many, so that the
 * table stays small. Rows that another statement holds are left for the next time, so that neither waits for the other.
 */
export async function insertReviewPreview(db: Db, preview: StoredPreview): Promise<void> {
  const { tokenHash, actor, requestDigest, setDigest, now, expiresAt } = preview;
  await execute(
    db,
    sql`
    with old as (
      select id from review_previews
      where expires_at < ${instantParam(now)} - interval '1 day'
        or (actor = ${actor} and id <= (
          select id from review_previews where actor = ${actor} order by id desc offset ${MOST_PER_ACTOR - 1} limit 1))
      for update skip locked
    ), removed as (
      delete from review_previews p using old where p.id = old.id
    )
    insert into review_previews (token_hash, actor, request_digest, set_digest, created_at, expires_at)
    values (${tokenHash}, ${actor}, ${requestDigest}, ${setDigest}, ${instantParam(now)}, ${instantParam(expiresAt)})`,
  );
}
