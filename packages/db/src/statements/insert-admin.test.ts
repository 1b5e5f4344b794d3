import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findAdmin, listAdmins } from "../reads/admins.ts";
import { listAuditLog } from "../reads/audit-log.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertAdmin } from "./insert-admin.ts";

const NOW = new Date("2026-12-07T12:00:00Z");
const audit = { actor: "root", requestId: "r-1", clientAddress: "192.0.2.1", now: NOW };

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

const add = async (email: string, role: "viewer" | "operator" | "admin" = "admin") =>
  (await insertAdmin(data.ctx.db, { ...audit, email, role, passwordHash: "hash" })) !== null;

describe("creation of an administrator", () => {
  it("an e-mail has at most one administrator, ignoring case", async () => {
    expect(await add("Alice@example.com")).toBe(true);
    expect(await add("alice@EXAMPLE.com", "viewer")).toBe(false);
    expect(await listAdmins(data.ctx.db)).toMatchObject([{ email: "alice@example.com", role: "admin" }]);
    expect(await findAdmin(data.ctx.db, "ALICE@example.com")).toMatchObject({ email: "alice@example.com" });
  });

  it("the creation of an administrator is in the audit log, with actor, request and client address", async () => {
    await add("alice@example.com");
    expect(await listAuditLog(data.ctx.db, { object: "admin:alice@example.com" }, { limit: 10 })).toEqual([
      expect.objectContaining({
        actor: "root",
        action: "admin.create",
        after: { role: "admin" },
        requestId: "r-1",
        clientAddress: "192.0.2.1",
      }),
    ]);
  });
});
