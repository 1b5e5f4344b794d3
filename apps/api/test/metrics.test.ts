import { recordTick, recordTickFailure, recordTickSuccess } from "@cpa-payouts/db";
import { invoicedRun, type TestUser } from "@cpa-payouts/db/testing";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { closeRun, decide, startRun } from "@cpa-payouts/pipeline";
import { parseMetrics } from "@cpa-payouts/testing-servers";
import { afterEach, describe, expect, it } from "vitest";
import { openTestApi, type TestApi } from "./api.ts";

const users: TestUser[] = [
  { externalId: "a", balance: "150.00" },
  { externalId: "b", balance: "200.50" },
  { externalId: "c", balance: "99.99" },
  { externalId: "d", status: "suspended" },
];

let api: TestApi;

afterEach(async () => {
  await api.close();
});

async function scrape(): Promise<Record<string, number>> {
  const { headers } = await api.withToken("metrics:read");
  const response = await api.request({ url: "/metrics", headers });
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-type"]).toBe("text/plain; charset=utf-8");
  return Object.fromEntries(parseMetrics(response.body));
}

const onlyOf = (samples: Record<string, number>, prefix: string) =>
  Object.fromEntries(Object.entries(samples).filter(([name]) => name.startsWith(prefix)));

describe("metrics", () => {
  it("metrics are readable by signed-in administrators and by tokens with the scope", async () => {
    api = await openTestApi();
    const statusFor = async ({ headers }: { headers: Readonly<Record<string, string>> }) =>
      (await api.request({ url: "/metrics", headers })).statusCode;
    expect(await statusFor(api.anonymous)).toBe(401);
    expect(await statusFor({ headers: { authorization: "Bearer payouts_nobody" } })).toBe(401);
    expect(await statusFor(await api.withToken("invoices:read", "runs:read"))).toBe(403);
    expect(await statusFor(await api.withToken("metrics:read"))).toBe(200);
    for (const role of ["viewer", "operator", "admin"] as const) expect(await statusFor(await api.as(role))).toBe(200);
  });

  it("the metrics of a new installation are zeros, without an age of the last tick", async () => {
    api = await openTestApi();
    const samples = await scrape();
    expect(onlyOf(samples, "payouts_invoices")).toEqual({
      'payouts_invoices{status="pending"}': 0,
      'payouts_invoices{status="paid"}': 0,
      'payouts_invoices{status="rejected"}': 0,
      'payouts_invoices_amount_cents{status="pending"}': 0,
      'payouts_invoices_amount_cents{status="paid"}': 0,
      'payouts_invoices_amount_cents{status="rejected"}': 0,
    });
    expect(onlyOf(samples, "payouts_run_users")).toEqual({});
    expect(samples).toMatchObject({ payouts_ready: 0, payouts_oldest_pending_invoice_age_seconds: 0 });
    expect(samples).not.toHaveProperty("payouts_last_tick_age_seconds");
  });

  it("the metrics show a run from its decisions until it is closed", async () => {
    api = await openTestApi({ users, now: "2026-12-07T02:00:00Z" });
    const { flow } = api;
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    const { id: runId } = await startRun(flow.ctx, { date, trigger: "manual", actor: "test" });
    await decide(flow.ctx, { runId });
    const progress = (open: number, invoiced: number) => ({
      'payouts_run_users{payment_date="2026-12-07",outcome="open"}': open,
      'payouts_run_users{payment_date="2026-12-07",outcome="invoiced"}': invoiced,
      'payouts_run_users{payment_date="2026-12-07",outcome="failed"}': 0,
      'payouts_run_users{payment_date="2026-12-07",outcome="skipped"}': 2,
    });
    expect(onlyOf(await scrape(), "payouts_run_users")).toEqual(progress(2, 0));

    await invoicedRun(flow, "2026-12-07");
    flow.clock.set("2026-12-07T02:30:00Z");
    const samples = await scrape();
    expect(onlyOf(samples, "payouts_run_users")).toEqual(progress(0, 2));
    const [stored] = await flow.database.sql<{ invoices: number; cents: bigint }[]>`
      select count(*)::int as invoices, sum(amount_cents)::bigint as cents from invoices where status = 'pending'`;
    expect(stored).toEqual({ invoices: 2, cents: 350_50n });
    expect(samples).toMatchObject({
      'payouts_invoices{status="pending"}': stored?.invoices,
      'payouts_invoices_amount_cents{status="pending"}': Number(stored?.cents),
      payouts_oldest_pending_invoice_age_seconds: 1_800,
    });

    await flow.database.sql`update payment_runs set state = 'processing' where id = ${runId}`;
    expect(await closeRun(flow.ctx, { runId })).toEqual({ closed: true });
    expect(onlyOf(await scrape(), "payouts_run_users")).toEqual({});
  });

  it("the metrics show the time since the last tick, and overdue and missed payment dates", async () => {
    api = await openTestApi({ now: "2026-12-21T03:30:00Z" });
    await recordTick(api.flow.ctx.db, new Date("2026-12-01T00:00:00Z"), { isAlerting: false });
    await recordTickSuccess(api.flow.ctx.db, new Date("2026-12-01T00:00:10Z"));
    await recordTick(api.flow.ctx.db, new Date("2026-12-21T03:29:00Z"), { isAlerting: false });
    expect(await scrape()).toMatchObject({
      payouts_last_tick_age_seconds: 60,
      payouts_last_tick_success_age_seconds: 20 * 86_400 + 3.5 * 3_600 - 10,
      payouts_ticks_failing: 0,
      payouts_payment_dates_missed: 1,
      payouts_payment_dates_overdue: 2,
      'payouts_check_ok{check="payment-dates"}': 0,
      'payouts_check_ok{check="last-tick"}': 1,
    });
  });

  it("request durations are labelled with the route's pattern, never with the path", async () => {
    api = await openTestApi({ users });
    const { headers } = await api.withToken("users:read");
    for (const id of ["a", "b", "nobody"])
      await api.request({ url: `/api/v1/users/${id}`, headers: { ...headers, host: "localhost" } });
    await api.request({ url: "/a-secret@example.com", headers: { host: "localhost" } });
    const samples = await scrape();
    const counts = onlyOf(samples, "payouts_http_request_duration_seconds_count");
    expect(counts).toEqual({
      'payouts_http_request_duration_seconds_count{method="GET",route="/api/v1/users/:externalId",status="200"}': 2,
      'payouts_http_request_duration_seconds_count{method="GET",route="/api/v1/users/:externalId",status="404"}': 1,
      'payouts_http_request_duration_seconds_count{method="GET",route="unknown",status="404"}': 1,
    });
    expect(JSON.stringify(samples)).not.toMatch(/secret|nobody/);
  });

  it("a gauge that cannot be read does not stop the others", async () => {
    api = await openTestApi();
    const { ctx, database } = api.flow;
    await recordTick(ctx.db, ctx.clock(), { isAlerting: false });
    await recordTickFailure(ctx.db, { steps: ["open-run"], error: "no luck", now: ctx.clock() });
    await database.sql`alter table invoice_tallies rename column invoices to counted`;
    const samples = await scrape();
    expect(onlyOf(samples, "payouts_invoices")).toEqual({});
    expect(samples.payouts_ticks_failing).toBe(1);
    expect(samples.payouts_payment_dates_missed).toBe(0);
    expect(api.flow.log.of("metrics.gauges-failed")).toMatchObject([{ step: "invoices" }]);
  });

  it("gauges that cannot be read are left out instead of being zero", async () => {
    api = await openTestApi();
    await api.flow.database.sql`delete from drizzle.__drizzle_migrations`;
    const samples = await scrape();
    expect(samples['payouts_check_ok{check="migrations"}']).toBe(0);
    expect(onlyOf(samples, "payouts_invoices")).toEqual({});
    expect(samples['payouts_queue_jobs{queue="ticks",state="waiting"}']).toBe(0);
  });
});

describeOnBackends("queue metrics", (kind) => {
  it("the metrics count jobs by queue and state, and show paused queues", async () => {
    api = await openTestApi({ kind });
    const { queues } = api.flow.ctx;
    const jobs = [1, 2, 3].map((userId) => ({ runId: 1, userId }));
    await queues.enqueueAll("create-invoice", jobs);
    await queues.enqueue("decide", { runId: 1 });
    await queues.bullmq.ticks.pause();
    const samples = await scrape();
    expect(onlyOf(samples, 'payouts_queue_jobs{queue="invoices"')).toEqual({
      'payouts_queue_jobs{queue="invoices",state="waiting"}': 3,
      'payouts_queue_jobs{queue="invoices",state="active"}': 0,
      'payouts_queue_jobs{queue="invoices",state="delayed"}': 0,
      'payouts_queue_jobs{queue="invoices",state="completed"}': 0,
      'payouts_queue_jobs{queue="invoices",state="failed"}': 0,
    });
    expect(samples['payouts_queue_jobs{queue="runs",state="waiting"}']).toBe(1);
    expect(onlyOf(samples, "payouts_queue_paused")).toEqual({
      'payouts_queue_paused{queue="ticks"}': 1,
      'payouts_queue_paused{queue="runs"}': 0,
      'payouts_queue_paused{queue="invoices"}': 0,
      'payouts_queue_paused{queue="alerts"}': 0,
    });
  });
});
