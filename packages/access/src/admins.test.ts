import { findAdmin } from "@cpa-payouts/db";
import { openTestData, type TestData } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { changeAdmin, createAdmin, createFirstAdmin, removeSecondFactor, resetPassword } from "./admins.ts";
import type { AccessContext } from "./context.ts";
import { isPassword } from "./passwords.ts";

const EMAIL = "alice@example.com";
const input = { email: EMAIL, actor: "test", requestedBy: null };

let data: TestData;
let ctx: AccessContext;

beforeEach(async () => {
  data = await openTestData();
  ctx = { ...data.ctx, passwordCost: { memoryKiB: 8, passes: 1 } };
});

afterEach(async () => {
  await data.close();
});

const storedHash = async () => (await findAdmin(data.ctx.db, EMAIL))?.passwordHash ?? "";

describe("administrators", () => {
  it("the first administrator has the role admin and a generated password, and is not created where there already is one", async () => {
    const first = await createFirstAdmin(ctx, input);
    expect(first).toEqual({ status: "created", password: expect.stringMatching(/^(\w{5}-){3}\w{5}$/) });
    expect(await findAdmin(ctx.db, EMAIL)).toMatchObject({
      role: "admin",
      disabledAt: null,
      empoweredAt: null,
    });
    expect(await createFirstAdmin(ctx, { ...input, email: "second@example.com" })).toEqual({
      status: "already-exists",
    });
  });

  it("a chosen password is stored as a hash of the context's cost, and creating again does not replace it", async () => {
    await createAdmin(ctx, { ...input, role: "viewer", password: "a long password" });
    expect(await storedHash()).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
    expect(await createAdmin(ctx, { ...input, role: "admin" })).toEqual({ status: "already-exists" });
    expect(await isPassword("a long password", await storedHash())).toBe(true);
  });

  it("setting a password generates one unless it is given, and an unknown administrator gets none", async () => {
    await createFirstAdmin(ctx, input);
    const set = await resetPassword(ctx, input);
    const { password } = set.status === "set" ? set : { password: "" };
    expect(await isPassword(password, await storedHash())).toBe(true);
    expect(await resetPassword(ctx, { ...input, email: "unknown@example.com" })).toEqual({ status: "unknown-admin" });
  });

  it("every change of an administrator is logged once, with the id and without the e-mail", async () => {
    await createFirstAdmin(ctx, input);
    await createAdmin(ctx, { ...input, role: "admin" });
    await changeAdmin(ctx, { ...input, isDisabled: true });
    await changeAdmin(ctx, { ...input, role: "admin" });
    await resetPassword(ctx, input);
    await removeSecondFactor(ctx, input);
    await removeSecondFactor(ctx, { ...input, email: "unknown@example.com" });
    const adminId = (await findAdmin(ctx.db, EMAIL))?.id;
    expect(data.log.lines).toEqual(
      ["admin.created", "admin.changed", "admin.password-changed", "admin.second-factor-removed"].map((event) => ({
        level: "info",
        event,
        fields: { adminId },
      })),
    );
  });
});
