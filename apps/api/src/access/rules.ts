import type { AccessRule } from "@cpa-payouts/contract";
import { type AdminRole, adminRoles } from "@cpa-payouts/core";
import { ApiProblem } from "../problems.ts";
import type { Caller } from "./callers.ts";

const MINUTE_MS = 60_000;

/** Milliseconds for which a password counts as fresh after it was given. */
export const CONFIRMED_FOR_MS = 15 * MINUTE_MS;

/**
 * Checks a caller against an access rule.
 *
 * @returns null to admit the caller; otherwise a 401 for one who is not signed in, or a 403 that says what is missing
 */
export function refusalOf(rule: AccessRule, caller: Caller | null, now: Date): ApiProblem | null {
  if (rule.role === "public") return null;
  if (!caller) return new ApiProblem(401, "signed-out", "sign in first");
  if (caller.kind === "token") return refusalOfProgram(rule, caller);
  if (caller.session.mustChangePassword && !rule.isBeforeNewPassword)
    return new ApiProblem(
      403,
      "password-must-be-changed",
      "another person issued your password; change it first: PUT /api/v1/session/password",
    );
  if (!isAtLeast(caller.role, rule.role))
    return new ApiProblem(403, "forbidden", `this needs the role ${rule.role}; yours is ${caller.role}`);
  if (rule.isSensitive && now.getTime() - caller.session.confirmedAt.getTime() > CONFIRMED_FOR_MS)
    return new ApiProblem(
      403,
      "confirmation-required",
      "give your password again first: POST /api/v1/session/confirmation",
    );
  return null;
}

/** A program may do what its scopes name, and never more than the administrator who created its token may do now. */
function refusalOfProgram(
  { role, scope }: AccessRule,
  { scopes, creatorRole, isCreatorDisabled }: Extract<Caller, { kind: "token" }>,
): ApiProblem | null {
  if (isCreatorDisabled)
    return new ApiProblem(401, "token-creator-disabled", "the administrator who created the token is disabled");
  if (scope === null) return new ApiProblem(403, "forbidden", "only people may do this, not tokens");
  if (!scopes.includes(scope))
    return new ApiProblem(403, "forbidden", `this needs the scope ${scope}; the token has ${scopes.join(", ")}`);
  if (creatorRole !== null && role !== "public" && !isAtLeast(creatorRole, role))
    return new ApiProblem(403, "forbidden", `this needs the role ${role}; the token's creator has ${creatorRole}`);
  return null;
}

/** Whether a role may do everything that the role `least` may. */
export function isAtLeast(role: AdminRole, least: AdminRole): boolean {
  return adminRoles.indexOf(role) >= adminRoles.indexOf(least);
}
