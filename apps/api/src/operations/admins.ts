import { changeAdmin, createAdmin, removeSecondFactor, setPassword } from "@cpa-payouts/access";
import { defined } from "@cpa-payouts/core";
import { type Admin, findAdmin, listAdmins } from "@cpa-payouts/db";
import type { Handlers } from "../calls.ts";
import { conflict, notFound } from "../problems.ts";

export const adminHandlers: Handlers<"admins"> = {
  listAdmins: async ({ ctx }) => ({ items: (await listAdmins(ctx.db)).map(present) }),

  createAdmin: async ({ access }, call) => {
    const { email } = call.body;
    const created = await createAdmin(access, { ...call.audit, ...call.body });
    if (created.status === "already-exists")
      throw conflict(`there is an administrator ${email} already`, await currentOf(access.db, email));
    return { email, password: created.password };
  },

  changeAdmin: async ({ access }, call) => {
    const { email } = call.params;
    const result = await changeAdmin(access, { ...call.audit, ...defined(call.body), email });
    if (result === "unknown-admin") throw notFound(`administrator ${email}`);
    const current = await currentOf(access.db, email);
    if (result === "last-admin") throw conflict("at least one enabled administrator must have the role admin", current);
    return current;
  },

  resetAdminPassword: async ({ access }, call) => {
    const { email } = call.params;
    const reset = await setPassword(access, { ...call.audit, email });
    if (reset.status === "unknown-admin") throw notFound(`administrator ${email}`);
    return { email, password: reset.password };
  },

  removeAdminSecondFactor: async ({ access }, call) => {
    const { email } = call.params;
    const removed = await removeSecondFactor(access, { ...call.audit, email });
    if (removed === "unknown-admin") throw notFound(`administrator ${email}`);
    return undefined;
  },
};

async function currentOf(db: Parameters<typeof findAdmin>[0], email: string) {
  const admin = await findAdmin(db, email);
  if (!admin) throw notFound(`administrator ${email}`);
  return present(admin);
}

function present({ email, role, disabledAt, totpSecret, createdAt, createdBy }: Admin) {
  return {
    email,
    role,
    isDisabled: disabledAt !== null,
    hasSecondFactor: totpSecret !== null,
    createdAt: createdAt.toISOString(),
    createdBy,
  };
}
