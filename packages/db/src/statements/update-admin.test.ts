import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertAdmin } from "./insert-admin.ts";
import { updateAdmin } from "./update-admin.ts";

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

describe("change of an administrator", () => {
  it("the last enabled administrator of role admin can be neither demoted nor disabled", async () => {
    await add("alice@example.com");
    await add("viewer@example.com", "viewer");
    const change = async (email: string, how: object) =>
      (await updateAdmin(data.ctx.db, { ...audit, email, ...how })).status;
    expect(await change("alice@example.com", { role: "operator" })).toBe("last-admin");
    expect(await change("alice@example.com", { isDisabled: true })).toBe("last-admin");
    expect(await change("viewer@example.com", { isDisabled: true })).toBe("changed");
    expect(await change("nobody@example.com", { isDisabled: true })).toBe("unknown-admin");
    await add("bob@example.com");
    expect(await change("alice@example.com", { isDisabled: true })).toBe("changed");
    expect(await change("bob@example.com", { role: "viewer" })).toBe("last-admin");
  });

  it("of two administrators who demote each other at the same moment one keeps the role", async () => {
    for (let round = 0; round < 10; round++) {
      const [alice, bob] = [`alice${round}@example.com`, `bob${round}@example.com`];
      await data.database.sql`update admins set disabled_at = now()`;
      await add(alice);
      await add(bob);
      const demote = async (email: string) =>
        (await updateAdmin(data.ctx.db, { ...audit, email, role: "viewer" })).status;
      expect((await Promise.all([demote(alice), demote(bob)])).sort()).toEqual(["changed", "last-admin"]);
    }
  });
});
