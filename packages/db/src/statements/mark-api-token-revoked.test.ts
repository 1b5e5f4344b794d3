import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listAuditLog } from "../reads/audit-log.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertApiToken } from "./insert-api-token.ts";
import { markApiTokenRevoked } from "./mark-api-token-revoked.ts";

const NOW = new Date("2026-12-07T12:00:00Z");
const after = (ms: number) => new Date(NOW.getTime() + ms);
const audit = { actor: "root", requestId: "r-1", clientAddress: "192.0.2.1", now: NOW };

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

const create = (name: string, tokenHash: string) =>
  insertApiToken(data.ctx.db, { ...audit, name, tokenHash, scopes: ["credits:write"], expiresAt: after(1_000) });

describe("revoking of an API token", () => {
  it("a token is revoked once, and an unknown one never", async () => {
    await create("erp", "h1");
    const revoke = (name: string) => markApiTokenRevoked(data.ctx.db, { ...audit, name });
    expect([await revoke("erp"), await revoke("erp"), await revoke("crm")]).toEqual([true, false, false]);
    expect(await listAuditLog(data.ctx.db, { action: "token.revoke" }, { limit: 10 })).toHaveLength(1);
  });
});
