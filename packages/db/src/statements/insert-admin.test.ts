import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findAdmin, listAdmins } from "../reads/admins.ts";
import { listAuditLog } from "../reads/audit-log.ts";
import { addAdmin } from "../testing/access.ts";
import { openTestData, type TestData } from "../testing/index.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("creation of an administrator", () => {
  it("an e-mail has at most one administrator, ignoring case", async () => {
    expect(await addAdmin(data, "Alice@example.com")).toBe(true);
    expect(await addAdmin(data, "alice@EXAMPLE.com", "viewer")).toBe(false);
    expect(await listAdmins(data.ctx.db)).toMatchObject([{ email: "alice@example.com", role: "admin" }]);
    expect(await findAdmin(data.ctx.db, "ALICE@example.com")).toMatchObject({ email: "alice@example.com" });
  });

  it("the creation of an administrator is in the audit log, with actor, request and client address", async () => {
    await addAdmin(data, "alice@example.com");
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
