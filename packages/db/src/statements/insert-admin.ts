import type { AdminRole, AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id } from "../decoders.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

/**
 * Adds an administrator.
 *
 * @param input.mustChangePassword whether the password is one that another person knows, to be changed at the first sign-in;
 *   false if it is left out
 * @returns the id of the new administrator; null when there is one with that e-mail
 */
export async function insertAdmin(
  db: Db,
  input: AuditContext & {
    email: string;
    role: AdminRole;
    passwordHash: string;
    mustChangePassword?: boolean;
    now: Date;
  },
): Promise<number | null> {
  const [created] = await rowsOf(
    db,
    { id },
    sql`
    with created as (
      insert into admins (email, role, password_hash, must_change_password, empowered_at, created_at, created_by)
      values (${input.email.toLowerCase()}, ${input.role}, ${input.passwordHash}, ${input.mustChangePassword ?? false}::boolean,
        ${instantParam(input.now)}, ${instantParam(input.now)}, ${input.actor})
      on conflict (email) do nothing
      returning id, email, role
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'admin.create', 'admin:' || email, jsonb_build_object('role', role),
        ${requestParams(input)}
      from created
    )
    select id from created`,
  );
  return created?.id ?? null;
}
