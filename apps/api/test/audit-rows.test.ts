import { listAuditLog } from "@cpa-payouts/db";
import { invoicedRun } from "@cpa-payouts/db/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApi, type SignedIn, type TestApi } from "./api.ts";

let api: TestApi;
let admin: SignedIn;

beforeAll(async () => {
  api = await openTestApi({ users: [{ externalId: "ann" }, { externalId: "a/b?c" }] });
  await invoicedRun({ ctx: api.flow.ctx, database: api.flow.database }, "2026-12-07");
  admin = await api.as("admin");
});

afterAll(() => api.close());

describe("audit rows of what changes no row itself", () => {
  const recorded = async (action: string) => {
    const entries = await listAuditLog(api.flow.ctx.db, { action }, { limit: 100 });
    return entries.map(({ actor, object, after, requestId }) => ({ actor, object, after, requestId }));
  };

  it("an export of invoices is in the audit log with its filter and request", async () => {
    const url = "/api/v1/invoices.csv?status=pending&minimumAmount=5.00&search=ann";
    const { headers } = await api.request({ url, headers: admin.headers });
    const filter = { status: "pending", minimumAmountCents: "500", search: "ann" };
    const row = { actor: "admin@example.com", object: "invoices", requestId: headers["x-request-id"] };
    expect(await recorded("invoices.export")).toEqual([{ ...row, after: { filter } }]);
    await api.request({ url: "/api/v1/invoices.csv?status=nonsense", headers: admin.headers });
    expect(await recorded("invoices.export")).toHaveLength(1);
  });

  it("a resumed run is in the audit log however it was resumed, and a finished one that was left as it is not", async () => {
    await api.flow.database.sql`update payment_runs set state = 'processing', completed_at = null`;
    const resume = { method: "POST", url: "/api/v1/runs/2026-12-07/resume", headers: admin.headers } as const;
    const open = { ...resume, url: "/api/v1/runs", payload: { paymentDate: "2026-12-07" } };
    const ids = [await api.request(resume), await api.request(open)].map(({ headers }) => headers["x-request-id"]);
    const row = { actor: "admin@example.com", object: "run:2026-12-07", after: { state: "processing" } };
    expect(await recorded("run.resume")).toEqual(ids.reverse().map((requestId) => ({ ...row, requestId })));
    await api.flow.database.sql`update payment_runs set state = 'completed', completed_at = now()`;
    await api.request(resume);
    expect(await recorded("run.resume")).toHaveLength(2);
  });
});
