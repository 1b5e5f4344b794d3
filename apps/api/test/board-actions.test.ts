import { findRun, listAuditLog } from "@cpa-payouts/db";
import { type RunningWorker, scheduleTicks } from "@cpa-payouts/jobs";
import { describeOnBackends, startTestWorkers, type TestHandlers } from "@cpa-payouts/jobs/testing";
import { closeRun, decide, failInvoice, fanOut, invoiceBatcher, startRun, verify } from "@cpa-payouts/pipeline";
import { eventually } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { browserHeaders, openTestApi, type SignedIn, type TestApi } from "./api.ts";

const DATE = { date: "2026-12-07", kind: "first-monday" } as const;

describeOnBackends("board actions", (kind) => {
  let api: TestApi;
  let operator: SignedIn;
  let workers: RunningWorker[];

  beforeEach(async () => {
    api = await openTestApi({ kind, users: [{ externalId: "ann" }, { externalId: "ben" }] });
    operator = await api.as("operator");
    workers = [];
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    expect(await verify(api.flow.ctx, api.flow.ctx.policy)).toEqual([]);
    await api.close();
  });

  const put = (path: string) =>
    api.request({ method: "PUT", url: `/queues/api/queues/${path}`, headers: operator.headers });

  /** Starts workers that treat every error as final. */
  const work = async (handlers: TestHandlers) => {
    const running = await startTestWorkers(api.flow, {
      queues: ["ticks", "invoices"],
      handlers,
      events: {
        isFinal: () => true,
        onExhausted: async ({ name, payload, error }) => {
          if (name === "create-invoice") await failInvoice(api.flow.ctx, payload as never, error);
        },
      },
    });
    workers.push(running);
    return running;
  };

  /** A completed run in which both users failed, with their jobs kept in the queue as failed. */
  const failAll = async () => {
    const { ctx } = api.flow;
    const { id: runId } = await startRun(ctx, { date: DATE, trigger: "manual", actor: "test" });
    await decide(ctx, { runId });
    await fanOut(ctx, { runId });
    const failing = await work({
      "create-invoice": async () => {
        throw new Error("nothing works today");
      },
    });
    await eventually(async () => (await ctx.queues.bullmq.invoices.getJobCounts("failed")).failed === 2);
    await failing.close();
    workers.pop();
    await closeRun(ctx, { runId });
    expect(await findRun(ctx.db, DATE.date)).toMatchObject({ state: "completed" });
    const users = await api.flow.database.sql<{ id: bigint; name: string }[]>`
      select id, external_id as name from users order by id`;
    return { runId, jobs: users.map(({ id }) => `invoice-${runId}-${id}`) };
  };

  const invoiceAll = () => work({ "create-invoice": invoiceBatcher(api.flow.ctx, api.flow.ctx.pace.invoices) });

  /** Each user with the outcome of the decision, the number of invoices and the present balance in cents. */
  const outcomes = async () => {
    const rows = await api.flow.database.sql`
      select u.external_id as user, d.outcome, count(i.id)::int as invoices, u.balance_cents::int as owed
      from users u join run_decisions d on d.user_id = u.id left join invoices i on i.user_id = u.id
      group by u.id, d.outcome order by u.id`;
    return rows.map((row) => ({ ...row }));
  };

  const recorded = async () => {
    const entries = await listAuditLog(api.flow.ctx.db, { actor: "operator@example.com" }, { limit: 50 });
    return entries
      .filter(({ action }) => action.startsWith("job"))
      .map(({ action, object, requestId, clientAddress }) => ({ action, object, requestId, clientAddress }))
      .reverse();
  };

  it("retrying a failed job of a completed run invoices its user exactly once", async () => {
    const { jobs } = await failAll();
    const response = await put(`invoices/${jobs[0]}/retry`);
    expect([response.statusCode, response.body]).toEqual([204, ""]);
    const row = {
      object: `job:invoices/${jobs[0]}`,
      requestId: response.headers["x-request-id"],
      clientAddress: "127.0.0.1",
    };
    expect(await recorded()).toEqual([
      { action: "job.retry-requested", ...row },
      { action: "job.retry", ...row },
    ]);

    await invoiceAll();
    const { invoices } = api.flow.ctx.queues.bullmq;
    await eventually(async () => (await invoices.getJob(jobs[0] ?? ""))?.returnvalue?.outcome === "invoiced");
    const ann = { user: "ann", outcome: "invoiced", invoices: 1, owed: 0 };
    expect(await outcomes()).toEqual([ann, { user: "ben", outcome: "failed", invoices: 0, owed: 15_000 }]);
    expect(await findRun(api.flow.ctx.db, DATE.date)).toMatchObject({ state: "completed" });

    // The board refuses to retry a completed job. Retried through BullMQ, it finds its user already invoiced.
    expect((await put(`invoices/${jobs[0]}/retry`)).json()).toMatchObject({ code: "conflict" });
    await invoices.getJob(jobs[0] ?? "").then((job) => job?.retry("completed"));
    await eventually(async () => (await invoices.getJob(jobs[0] ?? ""))?.returnvalue?.outcome === "already-invoiced");
    expect((await outcomes())[0]).toEqual(ann);
  });

  it("a retry that fails leaves the user's decision failed", async () => {
    const { jobs } = await failAll();
    const [first = ""] = jobs;
    await put(`invoices/${first}/retry`);
    await work({
      "create-invoice": async () => {
        throw new Error("nothing works tomorrow either");
      },
    });
    const { invoices } = api.flow.ctx.queues.bullmq;
    await eventually(async () => (await invoices.getJob(first))?.failedReason === "nothing works tomorrow either");
    expect((await outcomes())[0]).toEqual({ user: "ann", outcome: "failed", invoices: 0, owed: 15_000 });
  });

  it("all failed jobs of a queue can be retried at once", async () => {
    await failAll();
    const response = await put("invoices/retry/failed");
    expect([response.statusCode, response.json()]).toEqual([200, { retried: 2, skipped: 0 }]);
    expect((await recorded()).map(({ action, object }) => `${action} ${object}`)).toEqual([
      "jobs.retry-requested queue:invoices",
      "jobs.retry queue:invoices",
    ]);
    await invoiceAll();
    await eventually(async () => (await outcomes()).every(({ outcome }) => outcome === "invoiced"));
    expect((await outcomes()).map(({ invoices, owed }) => [invoices, owed])).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it("a job is retried once when two operators retry it at the same time", async () => {
    const { jobs } = await failAll();
    const responses = await Promise.all([1, 2].map(() => put(`invoices/${jobs[0]}/retry`)));
    expect(new Set(responses.map(({ statusCode }) => statusCode))).toEqual(new Set([204, 409]));
    expect((await recorded()).filter(({ action }) => action === "job.retry")).toHaveLength(1);
  });

  it("a delayed job can be promoted", async () => {
    const { bullmq } = api.flow.ctx.queues;
    await bullmq.invoices.add("create-invoice", { runId: 1, userId: 1 }, { jobId: "later", delay: 86_400_000 });
    expect((await put("invoices/later/promote")).statusCode).toBe(204);
    expect(await bullmq.invoices.getJobState("later")).toBe("waiting");
    expect((await recorded()).map(({ action, object }) => `${action} ${object}`)).toEqual([
      "job.promote-requested job:invoices/later",
      "job.promote job:invoices/later",
    ]);
    expect((await put("invoices/later/promote")).json()).toMatchObject({
      code: "conflict",
      current: { state: "waiting" },
    });
  });

  it("an action on a job in another state is refused and not recorded", async () => {
    await api.flow.ctx.queues.enqueue("create-invoice", { runId: 1, userId: 1 });
    for (const [path, status] of [
      ["invoices/invoice-1-1/retry", 409],
      ["invoices/nothing/retry", 404],
      ["nothing/invoice-1-1/promote", 404],
      ["nothing/retry/failed", 404],
      ["invoices/retry/completed", 403],
    ] as const)
      expect([path, (await put(path)).statusCode]).toEqual([path, status]);
    expect(await recorded()).toEqual([]);
  });

  it("a scheduled tick cannot be promoted, and retrying a failed tick leaves its schedule unchanged", async () => {
    const { queues, policy } = api.flow.ctx;
    await scheduleTicks(queues, policy.schedule);
    await queues.bullmq.ticks.remove("tick");
    const scheduled = async () =>
      (await queues.bullmq.ticks.getJobSchedulers(0, -1)).map(({ key, next }) => [key, next]);
    const before = await scheduled();
    const jobs = await queues.bullmq.ticks.getJobs(["delayed"]);
    const tick = jobs.find(({ repeatJobKey }) => repeatJobKey === "tick-daily");
    const id = encodeURIComponent(tick?.id ?? "");
    const refused = await put(`ticks/${id}/promote`);
    expect([refused.statusCode, refused.json().code]).toEqual([403, "forbidden"]);
    expect(await scheduled()).toEqual(before);

    const handlers: { tick: NonNullable<TestHandlers["tick"]> } = {
      tick: async () => {
        throw new Error("nothing works today");
      },
    };
    await work({ tick: () => handlers.tick({}) });
    await tick?.promote();
    await eventually(async () => (await tick?.getState()) === "failed");
    handlers.tick = async () => ({ runs: 0 });
    expect((await put(`ticks/${id}/retry`)).statusCode).toBe(204);
    await eventually(async () => (await tick?.getState()) === "completed");
    const ticks = new Set(["tick-daily", "tick-sweep"]);
    expect(new Set((await scheduled()).map(([key]) => key))).toEqual(ticks);
    const waiting = await queues.bullmq.ticks.getJobs(["delayed"]);
    expect(new Set(waiting.map(({ repeatJobKey }) => repeatJobKey))).toEqual(ticks);
  });

  it("an action that cannot be recorded in the audit log changes nothing", async () => {
    const { jobs } = await failAll();
    await api.flow.database.sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'no space left' using errcode = 'disk_full'; end $$;
      create trigger refuse before insert on audit_log for each row execute function refuse()`);
    expect((await put(`invoices/${jobs[0]}/retry`)).statusCode).toBe(500);
    expect(await api.flow.ctx.queues.bullmq.invoices.getJobState(jobs[0] ?? "")).toBe("failed");
    await api.flow.database.sql.unsafe("drop trigger refuse on audit_log");
  });

  it("a job links to its user, and to its invoice once there is one", async () => {
    const { runId, jobs } = await failAll();
    const [first = ""] = jobs;
    const userId = first.split("-").at(-1);
    const get = (url: string) => api.request({ method: "GET", url, headers: operator.headers });
    const link = async () => (await get(`/queues/api/queues/invoices/${first}`)).json().job.externalUrl;

    expect(await link()).toEqual({ displayText: "User", href: `/go/user/${userId}` });
    expect((await get(`/go/user/${userId}`)).headers.location).toBe("/api/v1/users/ann");
    expect((await get(`/go/invoice/${runId}/${userId}`)).json()).toMatchObject({
      code: "not-found",
      detail: `there is no invoice of run ${runId} for user ${userId}`,
    });

    await put(`invoices/${first}/retry`);
    await invoiceAll();
    await eventually(async () => (await outcomes())[0]?.outcome === "invoiced");
    await eventually(async () => (await api.flow.ctx.queues.bullmq.invoices.getJobState(first)) === "completed");
    const invoice = `/go/invoice/${runId}/${userId}`;
    expect(await link()).toEqual({ displayText: "Invoice", href: invoice });
    const redirect = await get(invoice);
    expect([redirect.statusCode, redirect.headers.location]).toEqual([302, `/api/v1/invoices/INV-20261207-${userId}`]);
    expect((await get(String(redirect.headers.location))).json()).toMatchObject({ number: `INV-20261207-${userId}` });
    // The way back: the API answers the path of the job's page on the board.
    const { job } = await operator.readInvoice({ params: { number: `INV-20261207-${userId}` } });
    expect(job).toBe(`/queues/queue/invoices/${first}`);
    expect((await get(job)).headers["content-type"]).toBe("text/html; charset=utf-8");
  });
});

describe("job links", () => {
  it("job links are for signed-in administrators, and a link to an unknown user is refused", async () => {
    const api = await openTestApi({ users: [{ externalId: "ann" }] });
    await api.flow.database.sql`update users set external_id = 'a/b?c'`;
    const viewer = await api.as("viewer");
    const token = await api.withToken("users:read", "invoices:read");
    const status = async (url: string, headers: SignedIn["headers"]) =>
      (await api.request({ method: "GET", url, headers })).statusCode;
    for (const url of ["/go/user/1", "/go/invoice/1/1"]) {
      expect(await status(url, browserHeaders)).toBe(401);
      expect(await status(url, token.headers)).toBe(403);
    }
    expect(await status("/go/user/999", viewer.headers)).toBe(404);
    expect(await status("/go/user/9007199254740993", viewer.headers)).toBe(400);
    expect(await status("/go/user/undefined", viewer.headers)).toBe(400);
    const [user] = await api.flow.database.sql`select id from users`;
    const redirect = await api.request({ method: "GET", url: `/go/user/${user?.id}`, headers: viewer.headers });
    expect(redirect.headers.location).toBe("/api/v1/users/a%2Fb%3Fc");
    await api.close();
  });

  it("a job that another program added to the queue does not break the board", async () => {
    const api = await openTestApi();
    await api.flow.ctx.queues.bullmq.invoices.add("something", null, { jobId: "foreign" });
    const { headers } = await api.as("viewer");
    const response = await api.request({ method: "GET", url: "/queues/api/queues/invoices/foreign", headers });
    expect(response.statusCode).toBe(200);
    await api.close();
  });
});
