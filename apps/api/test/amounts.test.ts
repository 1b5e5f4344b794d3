import { CEILING_CENTS, formatCents } from "@cpa-payouts/core";
import { invoicedRun, usersAtCeiling } from "@cpa-payouts/db/testing";
import { tick } from "@cpa-payouts/pipeline";
import { afterEach, describe, expect, it } from "vitest";
import { openTestApi, type SignedIn, type TestApi } from "./api.ts";

let api: TestApi;

afterEach(() => api.close());

/** Credits two users in turn, 94 times: enough for a sum that does not fit a bigint, if nothing refused it. */
async function credit94Times(client: SignedIn, amount: string) {
  const responses = [];
  for (let index = 0; index < 94; index++)
    responses.push(
      await api.request({
        method: "POST",
        url: "/api/v1/credits",
        headers: { ...client.headers, host: "localhost", "idempotency-key": `conversion-${index}` },
        payload: { externalId: index % 2 ? "a" : "b", amount },
      }),
    );
  return responses;
}

describe("absurd amounts", () => {
  it("a token that credits absurd amounts is refused by name, and every figure stays available", async () => {
    api = await openTestApi({ users: [{ externalId: "a" }, { externalId: "b" }] });
    const token = await api.withToken("credits:write");
    for (const response of await credit94Times(token, "999999999999999.99")) {
      expect(response.statusCode).toBe(422);
      expect(response.json()).toMatchObject({
        code: "above-limit",
        detail: expect.stringMatching(
          /^credit of \$999,999,999,999,999\.99 to user [ab] exceeds the largest entry, \$1,000,000\.00; an administrator may change the setting$/,
        ),
      });
    }
    const admin = await api.as("admin");
    const dashboard = await admin.readDashboard();
    expect(dashboard).toMatchObject({ users: [{ status: "active", balance: "300.00" }], unavailable: [] });
  });

  it("with the limits at their highest a token reaches the ceiling of each user and no further", async () => {
    api = await openTestApi({
      users: [
        { externalId: "a", balance: "0" },
        { externalId: "b", balance: "0" },
      ],
    });
    const highest = formatCents(CEILING_CENTS);
    const admin = await api.as("admin");
    await admin.changeSettings({ body: { largestEntry: highest, largestBalance: highest } });
    const responses = await credit94Times(await api.withToken("credits:write"), highest);
    expect(responses.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([
      200,
      200,
      ...Array(92).fill(422),
    ]);
    expect(responses.at(-1)?.json().detail).toMatch(/exceeds the largest balance, \$10,000,000,000,000\.00/);
    await expect(admin.changeSettings({ body: { largestEntry: "10000000000000.01" } })).rejects.toMatchObject({
      message: expect.stringContaining("the most that any amount may be"),
    });
  });

  it("with many users at the ceiling the dashboard, previews, lists, totals, metrics, ticks and alerts work", async () => {
    api = await openTestApi({ now: "2026-12-07T02:30:00Z" });
    const { ctx, database } = api.flow;
    const users = 10_000;
    const sum = formatCents(BigInt(users) * CEILING_CENTS);
    await usersAtCeiling(database, users);
    const admin = await api.as("admin");
    const { totals } = await admin.previewRun({ query: { date: "2026-12-07" } });
    expect(totals).toMatchObject({ invoiced: users, total: sum });
    const webhook = { channels: { webhook: { send: async () => ({ refused: 0 }) } }, publicUrl: null };
    await tick({ ...ctx, alerts: webhook });
    await invoicedRun({ ctx, database }, "2026-12-07");
    await database.sql`update payment_runs set state = 'completed', completed_at = opened_at, fan_out_cursor = 2000000`;
    await tick({ ...ctx, alerts: webhook });
    expect(await admin.listRuns({ query: {} })).toMatchObject({ items: [{ invoiced: users, total: sum }] });
    expect(await admin.readDashboard()).toMatchObject({
      invoices: [{ status: "pending", invoices: users, amount: sum }],
      lastRun: { total: sum },
      unavailable: [],
    });
    expect(await admin.listInvoices({ query: {} })).toMatchObject({ totals: { invoices: users, amount: sum } });
    expect(await admin.totalInvoices({ query: { minimumAmount: "1" } })).toMatchObject({ amount: sum });
    const [alert] = await database.sql<{ key: string }[]>`select key from alerts`;
    expect(alert?.key).toBe("run-finished:2026-12-07:0");
    const metrics = await api.request({ url: "/metrics", headers: { ...admin.headers, host: "localhost" } });
    expect(metrics.body).toContain('payouts_invoices_amount_cents{status="pending"} 10000000000000000000');
  });

  it("a bulk review that returns invoices says which are above the ceiling, and reviews the others", async () => {
    api = await openTestApi({ users: [{ externalId: "poor", balance: "150.00" }] });
    const { ctx, database } = api.flow;
    await usersAtCeiling(database, 1);
    await invoicedRun({ ctx, database }, "2026-12-07");
    const admin = await api.as("admin");
    const highest = formatCents(CEILING_CENTS);
    await admin.changeSettings({ body: { largestEntry: highest, largestBalance: highest } });
    await admin.createCredit({
      headers: { "idempotency-key": "late" },
      body: { externalId: "rich-1", amount: "0.01" },
    });
    const body = {
      selection: { filter: { status: "pending" } },
      verdict: { status: "rejected", reason: "wrong", disposition: "return" },
    } as const;
    const counts = [
      { result: "above-ceiling", invoices: 1, amount: highest },
      { result: "reviewed", invoices: 1, amount: "150.00" },
    ];
    const byResult = (one: { result: string }, other: { result: string }) => (one.result < other.result ? -1 : 1);
    const preview = await admin.previewReview({ body });
    expect(preview.counts.sort(byResult)).toEqual(counts);
    const review = await admin.reviewInvoices({ body: { ...body, token: preview.token } });
    expect(review.counts.sort(byResult)).toEqual(counts);
  });

  it("a figure of the dashboard that cannot be read is null and named, and the others are there", async () => {
    api = await openTestApi({ users: [{ externalId: "a" }] });
    await api.flow.database.sql`alter table invoice_tallies rename column invoices to counted`;
    const dashboard = await (await api.as("viewer")).readDashboard();
    expect(dashboard).toMatchObject({ invoices: null, pendingMethods: 0, unavailable: ["invoices"] });
    expect(dashboard.users).toMatchObject([{ users: 1, balance: "150.00" }]);
    expect(api.flow.log.of("dashboard.figure-failed")).toMatchObject([{ figure: "invoices" }]);
  });
});
