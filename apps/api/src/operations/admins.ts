import { changeAdmin, createAdmin, removeSecondFactor, resetPassword } from "@cpa-payouts/access";
import { defined } from "@cpa-payouts/core";
import { type Admin, findAdmin, listAdmins } from "@cpa-payouts/db";
import type { Handlers } from "../calls.ts";
import { conflict, notFound } from "../problems.ts";
import { presentHeld, requesterOf } from "./changes.ts";

export const adminHandlers: Handlers<"admins"> = {
  listAdmins: async ({ ctx }) => ({ items: (await listAdmins(ctx.db)).map(present) }),

  createAdmin: async ({ access }, call) => {
    const { email } = call.body;
    const created = await createAdmin(access, { ...call.audit, ...call.body, requestedBy: requesterOf(call) });
    if (created.status === "already-exists")
      throw conflict(`there is an administrator ${email} already`, await currentOf(access.db, email));
    return created.status === "created" ? { email, password: created.password } : presentHeld(created, call);
  },

  changeAdmin: async ({ access }, call) => {
    const { email } = call.params;
    const change = { ...call.audit, ...defined(call.body), email, requestedBy: requesterOf(call) };
    const result = await changeAdmin(access, change);
    if ("change" in result) return presentHeld(result, call);
    if (result.status === "unknown-admin") throw notFound(`administrator ${email}`);
    const current = await currentOf(access.db, email);
    if (result.status === "last-admin")
      throw conflict("at least one enabled administrator must have the role admin", current);
    return current;
  },

  resetAdminPassword: async ({ access }, call) => {
    const { email } = call.params;
    const reset = await resetPassword(access, { ...call.audit, email, requestedBy: requesterOf(call) });
    if (reset.status === "unknown-admin") throw notFound(`administrator ${email}`);
    return reset.status === "set" ? { email, password: reset.password } : presentHeld(reset, call);
  },

  removeAdminSecondFactor: async ({ access }, call) => {
    const { email } = call.params;
    const removed = await removeSecondFactor(access, { ...call.audit, email, requestedBy: requesterOf(call) });
    if ("change" in removed) return presentHeld(removed, call);
    if (removed.status === "unchanged") throw notFound(`administrator ${email}`);
    return undefined;
  },
};

async function currentOf(db: Parameters<typeof findAdmin>[0], email: string) {
  const admin = await findAdmin(db, email);
  if (!admin) throw notFound(`administrator ${email}`);
  return present(admin);
}

function present({ email, role, disabledAt, totpSecret, mustChangePassword, createdAt, createdBy }: Admin) {
  return {
    email,
    role,
    isDisabled: disabledAt !== null,
    hasSecondFactor: totpSecret !== null,
    mustChangePassword,
    createdAt: createdAt.toISOString(),
    createdBy,
  };
}
