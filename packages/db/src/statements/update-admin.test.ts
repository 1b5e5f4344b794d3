import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addAdmin, audit } from "../testing/access.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { updateAdmin } from "./update-admin.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("change of an administrator", () => {
  it("the last enabled administrator of role admin can be neither demoted nor disabled", async () => {
    await addAdmin(data, "alice@example.com");
    await addAdmin(data, "viewer@example.com", "viewer");
    const change = async (email: string, how: object) =>
      (await updateAdmin(data.ctx.db, { ...audit, email, ...how })).status;
    expect(await change("alice@example.com", { role: "operator" })).toBe("last-admin");
    expect(await change("alice@example.com", { isDisabled: true })).toBe("last-admin");
    expect(await change("viewer@example.com", { isDisabled: true })).toBe("changed");
    expect(await change("unknown@example.com", { isDisabled: true })).toBe("unknown-admin");
    await addAdmin(data, "bob@example.com");
    expect(await change("alice@example.com", { isDisabled: true })).toBe("changed");
    expect(await change("bob@example.com", { role: "viewer" })).toBe("last-admin");
  });

  it("of two administrators who demote each other at the same moment one keeps the role", async () => {
    for (let round = 0; round < 10; round++) {
      const [alice, bob] = [`alice${round}@example.com`, `bob${round}@example.com`];
      await data.database.sql`update admins set disabled_at = now()`;
      await addAdmin(data, alice);
      await addAdmin(data, bob);
      const demote = async (email: string) =>
        (await updateAdmin(data.ctx.db, { ...audit, email, role: "viewer" })).status;
      expect((await Promise.all([demote(alice), demote(bob)])).sort()).toEqual(["changed", "last-admin"]);
    }
  });
});
