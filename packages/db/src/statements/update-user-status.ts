import { type AuditContext, type UserStatus, userStatuses } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id, oneOf } from "../decoders.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

/**
 * Sets a user's status by hand: imports keep it from then on. A run in progress tests the status again under the user's lock,
 * so a suspension counts at once. A person who confirms the status that an import has set decides it, too; that is audited.
 *
 * @returns the id of the user and the previous status; null for an unknown user
 */
export async function updateUserStatus(
  db: Db,
  input: AuditContext & { externalId: string; status: UserStatus; reason: string; now: Date },
): Promise<{ userId: number; before: UserStatus } | null> {
  const [user] = await rowsOf(
    db,
    { userId: id, before: oneOf(userStatuses) },
    sql`
    with present as (
      select id, status, status_by_hand from users where external_id = ${input.externalId} for no key update
    ), changed as (
      update users u set status = ${input.status}, status_by_hand = true, updated_at = ${instantParam(input.now)}
      from present p where u.id = p.id and (p.status <> ${input.status} or not p.status_by_hand)
      returning u.id, p.status as before, p.status_by_hand as was_by_hand, u.status as after
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'user.status', 'user:' || id, ${input.reason},
        jsonb_build_object('status', before, 'byHand', was_by_hand), jsonb_build_object('status', after, 'byHand', true),
        ${requestParams(input)}
      from changed
    )
    select id as user_id, status as before from present`,
  );
  return user ?? null;
}
