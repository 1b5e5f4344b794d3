import type { Client } from "@cpa-payouts/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { made, openTestApi, type TestApi } from "./api.ts";

type Change = NonNullable<Parameters<Client["changeSettings"]>[0]>["body"];

/** A value of each setting that is stricter than its default. The type asks for a new setting's. */
const CHANGES: Readonly<Required<Change>> = {
  twoPersonAbove: "500.00",
  coolingOffDays: 9,
  reviewAlertDays: 2,
  largestEntry: "2000.00",
  largestBalance: "30000.00",
};

describe("settings", () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await openTestApi();
  });

  afterAll(() => api.close());

  it.each(Object.entries(CHANGES))(
    "a change of %s takes effect and leaves the other settings alone",
    async (name, value) => {
      const admin = await api.as("admin");
      const { updatedAt: _at, updatedBy: _by, ...before } = await admin.readSettings();
      const { updatedAt, updatedBy, ...after } = await made(admin.changeSettings({ body: { [name]: value } }));
      expect(after).toEqual({ ...before, [name]: value });
      expect(after).not.toEqual(before);
      expect(await admin.readSettings()).toEqual({ ...after, updatedAt, updatedBy });
    },
  );
});
