import { findRun, listRuns } from "@cpa-payouts/db";
import { importNetwork } from "@cpa-payouts/db/testing";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { decide, fanOut, followRun, retryRun, startRun, summarizeRun, tick, verify } from "@cpa-payouts/pipeline";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startSchedules } from "./schedules.ts";
import { startWorkers } from "./workers.ts";

const FIRST_MONDAY = { date: "2026-12-07", kind: "first-monday" } as const;

describeOnBackends("payment flow with workers", (kind) => {
  let flow: TestFlow;
  let workers: RunningWorker[];

  beforeEach(async () => {
    flow = await openTestFlow({ kind, now: "2026-12-01T00:00:00Z", policy: { catchUpDays: 20 } });
    workers = [];
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
    await flow.close();
  });

  const work = async () => {
    // Jobs that an outage interrupts are taken over after seconds instead of up to 45 seconds.
    const tuning = { concurrency: 10, lockDurationMs: 2_000, stalledIntervalMs: 1_000 };
    workers.push(await startWorkers(flow.ctx, flow.backend, tuning));
  };

  const finish = async (date: string) => {
    // The first query after an outage may fail because its connection is gone.
    const run = await eventually(() => findRun(flow.ctx.db, date).catch(() => null));
    return summarizeRun(flow.ctx, await followRun(flow.ctx, run.id, { onProgress: () => {} }));
  };

  it("after an outage across two payment dates both run once, oldest first, with all decisions stored", async () => {
    await importNetwork(flow.ctx, [
      { externalId: "first-timer", previousInvoices: 0 },
      { externalId: "poor", balance: "5.00" },
      { externalId: "suspended", status: "suspended" },
      { externalId: "owed-nothing", balance: "0" },
    ]);
    await tick(flow.ctx);
    flow.clock.set("2026-12-22T15:00:00Z");
    await work();
    await tick(flow.ctx);
    const [first, second] = [await finish("2026-12-07"), await finish("2026-12-21")];

    expect(first).toMatchObject({ invoiced: 1, skipped: { inactive: 1, "below-minimum": 1 } });
    // The first date paid the first-timer, who is returning on the second, but is owed nothing then.
    expect(second).toMatchObject({ considered: 2, invoiced: 0, skipped: { inactive: 1, "below-minimum": 1 } });
    const runs = await listRuns(flow.ctx.db);
    expect(runs.map(({ paymentDate, trigger }) => [paymentDate, trigger])).toEqual([
      ["2026-12-21", "catch-up"],
      ["2026-12-07", "catch-up"],
    ]);
    expect(flow.log.of("run.opened").map(({ paymentDate }) => paymentDate)).toEqual(["2026-12-07", "2026-12-21"]);
    const answers = await flow.database.sql`
      select u.external_id, r.payment_date::text as date, d.decision, d.reason
      from run_decisions d join users u on u.id = d.user_id join payment_runs r on r.id = d.run_id order by 2, 1`;
    expect(answers.map((row) => Object.values(row).join(" "))).toEqual([
      "first-timer 2026-12-07 pay ",
      "poor 2026-12-07 skip below-minimum",
      "suspended 2026-12-07 skip inactive",
      "poor 2026-12-21 skip below-minimum",
      "suspended 2026-12-21 skip inactive",
    ]);
  });

  it("a user who is queued three times under different job ids gets one invoice", async () => {
    const users = Array.from({ length: 1_000 }, (_, index) => ({ externalId: `u${index}` }));
    await importNetwork(flow.ctx, users);
    const run = await startRun(flow.ctx, { date: FIRST_MONDAY, trigger: "manual", actor: "test" });
    await decide(flow.ctx, { runId: run.id });
    const ids = await flow.database.sql<{ user_id: bigint }[]>`select user_id from run_decisions`;
    const jobs = ["a", "b", "c"].flatMap((copy) =>
      ids.map(({ user_id }) => ({
        name: "create-invoice",
        data: { runId: run.id, userId: Number(user_id) },
        opts: { jobId: `copy-${copy}-${user_id}` },
      })),
    );
    await flow.ctx.queues.bullmq.invoices.addBulk(jobs);
    await work();
    await work();
    expect(await finish("2026-12-07")).toMatchObject({ invoiced: users.length, totalCents: 150_00n * 1_000n });
    await eventually(async () =>
      Object.values(await flow.ctx.queues.bullmq.invoices.getJobCounts("waiting", "active")).every((n) => n === 0),
    );
    const [row] = await flow.database
      .sql`select count(*)::int as invoices, count(distinct user_id)::int as users from invoices`;
    expect(row).toEqual({ invoices: users.length, users: users.length });
  });

  it("a run completes without a user whose job always fails, and a retry pays them once after the fix", async () => {
    await importNetwork(flow.ctx, [{ externalId: "fine" }, { externalId: "poison" }, { externalId: "fine-too" }]);
    await flow.database.sql.unsafe(`
      create function refuse_poison() returns trigger language plpgsql as $$
      begin
        if new.destination like 'poison%' then raise exception 'no invoice for %', new.destination; end if;
        return new;
      end $$;
      create trigger refuse_poison before insert on invoices for each row execute function refuse_poison()`);
    await work();
    const run = await startRun(flow.ctx, { date: FIRST_MONDAY, trigger: "manual", actor: "test" });
    expect(await finish("2026-12-07")).toMatchObject({ state: "completed", invoiced: 2, failed: 1 });
    const [decision] = await flow.database.sql`select error from run_decisions where outcome = 'failed'`;
    // The reason is stored, with the address in it masked.
    expect(decision?.error).toBe("no invoice for *** (SQLSTATE P0001)");

    await flow.database.sql`drop trigger refuse_poison on invoices`;
    expect(await retryRun(flow.ctx, { actor: "test" })).toMatchObject({ retried: 1 });
    expect(await finish("2026-12-07")).toMatchObject({ state: "completed", invoiced: 3, failed: 0 });
    expect(await retryRun(flow.ctx, { actor: "test" })).toMatchObject({ run: { id: run.id }, retried: 0 });
    const [invoices] = await flow.database.sql`select count(*)::int as count from invoices`;
    expect(invoices?.count).toBe(3);
  });

  const forget = () =>
    Promise.all(Object.values(flow.ctx.queues.bullmq).map((queue) => queue.obliterate({ force: true })));

  it("following a run that stands still queues its lost jobs again", async () => {
    const users = Array.from({ length: 200 }, (_, index) => ({ externalId: `u${index}` }));
    await importNetwork(flow.ctx, users);
    const run = await startRun(flow.ctx, { date: FIRST_MONDAY, trigger: "manual", actor: "test" });
    // The queue loses first the job that decides the run, then, while no worker runs, all of its invoice jobs.
    await forget();
    await decide(flow.ctx, { runId: run.id });
    await fanOut(flow.ctx, { runId: run.id });
    await forget();
    await work();
    await followRun(flow.ctx, run.id, { onProgress: () => {}, standstillMs: 300 });
    expect(await finish("2026-12-07")).toMatchObject({ invoiced: users.length });
  });

  it("ticks resume by themselves after the queue has lost everything, schedulers included", async () => {
    await importNetwork(flow.ctx, [{ externalId: "aff" }]);
    await work();
    const schedules = await startSchedules(flow.ctx, 100);
    await eventually(() => flow.log.of("tick.done").length > 0);
    await forget();
    flow.clock.set("2026-12-07T02:00:00Z");
    expect(await finish("2026-12-07")).toMatchObject({ invoiced: 1 });
    const schedulers = await flow.ctx.queues.bullmq.ticks.getJobSchedulers();
    expect(schedulers.map(({ key }) => key).sort()).toEqual(["tick-daily", "tick-sweep"]);
    schedules.stop();
  });
});
