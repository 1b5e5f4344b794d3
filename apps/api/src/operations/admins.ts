import { defined } from "@cpa-payouts/core";
import {
  type Admin,
  changeAdmin,
  createAdmin,
  findAdmin,
  listAdmins,
  setAdminPassword,
  setSecondFactor,
} from "@cpa-payouts/db";
import { generatePassword, hashPassword } from "../access/passwords.ts";
import type { Handlers } from "../calls.ts";
import { conflict, notFound } from "../problems.ts";

export const adminHandlers: Handlers<"admins"> = {
  listAdmins: async ({ ctx }) => ({ items: (await listAdmins(ctx.db)).map(present) }),

  createAdmin: async ({ ctx }, call) => {
    const { email, role } = call.body;
    const password = generatePassword();
    const passwordHash = await hashPassword(password);
    if (!(await createAdmin(ctx.db, { ...call.order, email, role, passwordHash, now: ctx.clock() })))
      throw conflict(`there is an administrator ${email} already`, await currentOf(ctx.db, email));
    return { email, password };
  },

  changeAdmin: async ({ ctx }, call) => {
    const { email } = call.params;
    const result = await changeAdmin(ctx.db, { ...call.order, ...defined(call.body), email, now: ctx.clock() });
    if (result === "unknown-admin") throw notFound(`administrator ${email}`);
    const current = await currentOf(ctx.db, email);
    if (result === "last-admin") throw conflict("at least one enabled administrator must have the role admin", current);
    return current;
  },

  resetAdminPassword: async ({ ctx }, call) => {
    const { email } = call.params;
    const password = generatePassword();
    const passwordHash = await hashPassword(password);
    if (!(await setAdminPassword(ctx.db, { ...call.order, email, passwordHash, now: ctx.clock() })))
      throw notFound(`administrator ${email}`);
    return { email, password };
  },

  removeAdminSecondFactor: async ({ ctx }, call) => {
    const { email } = call.params;
    const removal = { email, secret: null, recoveryHashes: [], now: ctx.clock() };
    if (!(await setSecondFactor(ctx.db, { ...call.order, ...removal }))) throw notFound(`administrator ${email}`);
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
