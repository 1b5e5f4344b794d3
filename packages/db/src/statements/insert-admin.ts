import type { AdminRole, AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, nullable } from "../decoders.ts";
import { theRule } from "../guarded-state.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export type AddedAdmin =
  | { readonly status: "created"; readonly adminId: number }
  | { readonly status: "already-exists" | "needs-second-person" };

/**
 * Adds an administrator.
 *
 * @param input.mustChangePassword whether the password is one that another person knows, to be changed at the first sign-in;
 *   false if it is left out
 * @param input.isFirst whether this is the first administrator, to whom no other person gave the account; false if it is left out
 * @param input.isGuarded whether this is refused while the two-person rule is on; false if it is left out
 */
export async function insertAdmin(
  db: Db,
  input: AuditContext & {
    email: string;
    role: AdminRole;
    passwordHash: string;
    mustChangePassword?: boolean;
    isFirst?: boolean;
    isGuarded?: boolean;
    now: Date;
  },
): Promise<AddedAdmin> {
  const { adminId, isHeld } = await rowOf(
    db,
    { adminId: nullable(id), isHeld: flag },
    sql`
    with ${theRule(null)}, held as (
      select where ${input.isGuarded ?? false}::boolean and (select is_on from rule)
    ), created as (
      insert into admins (email, role, password_hash, must_change_password, empowered_at, created_at, created_by)
      select ${input.email.toLowerCase()}, ${input.role}, ${input.passwordHash}, ${input.mustChangePassword ?? false}::boolean,
        case when not ${input.isFirst ?? false}::boolean then ${instantParam(input.now)} end, ${instantParam(input.now)}, ${input.actor}
      where not exists (select from held)
      on conflict (email) do nothing
      returning id, email, role
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'admin.create', 'admin:' || email, jsonb_build_object('role', role),
        ${requestParams(input)}
      from created
    )
    select (select id from created) as admin_id, exists (select from held) as is_held`,
  );
  if (isHeld) return { status: "needs-second-person" };
  return adminId === null ? { status: "already-exists" } : { status: "created", adminId };
}
