import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listAuditLog } from "../reads/audit-log.ts";
import { addApiToken, audit } from "../testing/access.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { markApiTokenRevoked } from "./mark-api-token-revoked.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("revoking of an API token", () => {
  it("a token is revoked once, and an unknown one never", async () => {
    await addApiToken(data, "erp", "h1");
    const revoke = (name: string) => markApiTokenRevoked(data.ctx.db, { ...audit, name });
    expect([await revoke("erp"), await revoke("erp"), await revoke("crm")]).toEqual([true, false, false]);
    expect(await listAuditLog(data.ctx.db, { action: "token.revoke" }, { limit: 10 })).toHaveLength(1);
  });
});
