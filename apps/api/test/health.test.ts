import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect, recordSchedule, recordTick, recordTickFailure, recordTickSuccess } from "@cpa-payouts/db";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { readinessChecks, startRun } from "@cpa-payouts/pipeline";
import { eventually, migrationsFolder, openLink, startRedis } from "@cpa-payouts/testing-servers";
import type { InjectOptions } from "fastify";
import { afterEach, describe, expect, inject, it } from "vitest";
import { createServer, installedAssets } from "../src/index.ts";
import { makeReady, NOW, openTestApi, type TestApi, testConfig } from "./api.ts";

/** When the installation goes live; no payment date is due between this instant and {@link QUIET}. */
const LIVE_SINCE = "2026-12-01T00:00:00Z";
const QUIET = "2026-12-03T12:00:00Z";

let api: TestApi;

afterEach(async () => {
  await api.close();
});

interface Readiness {
  readonly status: string;
  readonly checks?: readonly { check: string; state: string; line: string }[];
}

async function ask(headers: InjectOptions["headers"] = {}): Promise<{ status: number; body: Readiness }> {
  const response = await api.request({ url: "/readyz", headers });
  return { status: response.statusCode, body: response.json() };
}

/**
 * The checks that are not ok, as shown to a caller who may read details. Each call uses a new token, since the simulated
 * clock may have passed the expiry of an earlier one.
 */
async function problems(): Promise<Record<string, string>> {
  const { headers } = await api.withToken("metrics:read");
  const { status, body } = await ask(headers);
  const bad = (body.checks ?? []).filter(({ state }) => state !== "ok");
  expect(status).toBe(bad.length === 0 ? 200 : 503);
  expect(body.status).toBe(bad.length === 0 ? "ready" : "not-ready");
  return Object.fromEntries(bad.map(({ check, state, line }) => [check, `${state}: ${line}`]));
}

/** Goes live on December 1, with the last tick at the present time of the clock, and schedules the ticks. */
async function goLive({ now = QUIET } = {}): Promise<void> {
  await recordTick(api.flow.ctx.db, new Date(LIVE_SINCE), { isAlerting: false });
  await recordTick(api.flow.ctx.db, new Date(now), { isAlerting: false });
  await makeReady(api);
}

describeOnBackends("readiness", (kind) => {
  const open = async (now = QUIET) => {
    api = await openTestApi({ kind, now });
  };

  it("an installation is ready when every check is ok", async () => {
    await open();
    await goLive();
    const { headers } = await api.as("viewer");
    const { status, body } = await ask(headers);
    expect(status).toBe(200);
    expect(body.status).toBe("ready");
    expect(body.checks?.map(({ check, state }) => `${check} ${state}`)).toEqual(
      readinessChecks.map((check) => `${check} ok`),
    );
    expect(body.checks?.find(({ check }) => check === "last-tick")?.line).toBe(
      "the last tick came at 2026-12-03T12:00:00.000Z",
    );
  });

  it("an installation whose workers follow two schedules is not ready, and its calendar has both", async () => {
    await open();
    await goLive();
    const { ctx } = api.flow;
    const follow = (timeZone: string, now: string) =>
      recordSchedule(ctx.db, {
        schedule: { pattern: "0 2 * * *", timeZone },
        liveFrom: "2026-12-01",
        actor: "test",
        now: new Date(now),
      });
    await follow("UTC", "2026-12-03T11:40:00Z");
    await follow("Asia/Tokyo", "2026-12-03T11:45:00Z");
    expect(await problems()).toEqual({});
    await follow("UTC", "2026-12-03T11:50:00Z");
    expect(await problems()).toEqual({
      "last-tick":
        'failed: ticks of the last hour followed "0 2 * * *" in Asia/Tokyo and "0 2 * * *" in UTC; ' +
        "give all workers the same PAYMENT_TIME_ZONE and PAYMENT_TICK_CRON",
    });
    const { headers } = await api.as("viewer");
    const calendar = await api.request({ url: "/api/v1/calendar", headers });
    expect(calendar.json()).toMatchObject({
      schedule: {
        tickCron: "0 2 * * *",
        timeZone: "Asia/Tokyo",
        since: "2026-12-03T11:45:00.000Z",
        liveFrom: "2026-12-01",
        past: { tickCron: "0 2 * * *", timeZone: "UTC", lastFollowedAt: "2026-12-03T11:50:00.000Z" },
        isDisputed: true,
      },
    });
  });

  it("an installation is not ready before its first tick", async () => {
    await open();
    expect(await problems()).toEqual({
      scheduler: "failed: no daily tick is scheduled; a worker sets it up within half a minute: start one",
      "last-tick": "failed: there has been no tick yet; a worker makes the first one when it starts",
    });
  });

  it("an installation without the scheduler of the daily tick is not ready", async () => {
    await open();
    await goLive();
    expect(await problems()).toEqual({});
    await api.flow.ctx.queues.bullmq.ticks.removeJobScheduler("tick-daily");
    expect(Object.keys(await problems())).toEqual(["scheduler"]);
  });

  it("an installation whose last tick is older than 26 hours is not ready", async () => {
    await open();
    await goLive();
    api.flow.clock.set("2026-12-04T14:00:00Z");
    expect(await problems()).toEqual({});
    api.flow.clock.set("2026-12-04T14:00:01Z");
    expect(await problems()).toEqual({
      "last-tick":
        "failed: the last tick came at 2026-12-03T12:00:00.000Z, more than 26 hours ago; see whether a worker runs",
    });
  });
});

describe("readiness", () => {
  it("an installation whose last tick failed at a step is not ready, whichever step it was", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive();
    const now = new Date(QUIET);
    const { db } = api.flow.ctx;
    await recordTickFailure(db, { steps: ["add-up-tallies", "insert-alerts"], error: "no luck", now });
    expect(await problems()).toEqual({
      "last-tick": `failed: ticks have failed since ${now.toISOString()}, at add-up-tallies, insert-alerts: no luck`,
    });
    await recordTickSuccess(db, now);
    expect(await problems()).toEqual({});
  });

  it("an installation whose ticks begin and do not end is not ready after a quarter of an hour", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive();
    await recordTick(api.flow.ctx.db, new Date(QUIET), { isAlerting: false });
    api.flow.clock.set("2026-12-03T12:15:00Z");
    await recordTick(api.flow.ctx.db, api.flow.clock(), { isAlerting: false });
    expect(await problems()).toEqual({});
    api.flow.clock.set("2026-12-03T12:15:00.001Z");
    expect(await problems()).toEqual({
      "last-tick": "failed: no tick has come to its end since 2026-12-03T12:00:00.000Z; see the log of the workers",
    });
  });

  it("an installation whose database lacks a migration is not ready", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive();
    await api.flow.database.sql`
      delete from drizzle.__drizzle_migrations where id = (select max(id) from drizzle.__drizzle_migrations)`;
    expect((await problems()).migrations).toMatch(
      /^failed: the database lacks 1 of \d+ migrations: run "payouts migrate" first$/,
    );
  });

  it("an installation whose daily tick waits for a worker is not ready", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive();
    const anHourAgo = Date.now() - 3_600_000;
    await api.flow.database.sql`
      update bullmq.scheduler set next_run_ms = ${anHourAgo} where scheduler_id = 'tick-daily'`;
    expect(await problems()).toEqual({
      scheduler: `failed: the daily tick of ${new Date(anHourAgo).toISOString()} waits for a worker: start one`,
    });
  });

  it("an installation is not ready when a payment date has no run an hour after it was due", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive({ now: "2026-12-07T02:55:00Z" });
    api.flow.clock.set("2026-12-07T02:59:59Z");
    expect(await problems()).toEqual({});
    api.flow.clock.set("2026-12-07T03:00:00Z");
    expect(await problems()).toEqual({
      "payment-dates":
        'failed: overdue without a run: 2026-12-07; see whether a worker runs, or make up for it with "payouts run --date 2026-12-07"',
    });
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    await startRun(api.flow.ctx, { date, trigger: "manual", actor: "test" });
    expect(await problems()).toEqual({});
  });

  it("an installation with a missed payment date is not ready, and all overdue dates are listed", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive({ now: "2026-12-21T02:55:00Z" });
    api.flow.clock.set("2026-12-21T04:00:00Z");
    expect((await problems())["payment-dates"]).toMatch(/^failed: overdue without a run: 2026-12-07, 2026-12-21; /);
  });

  it("callers who may not read the metrics see no details of readiness", async () => {
    api = await openTestApi({ now: QUIET });
    const strangers = [
      {},
      { authorization: "Bearer payouts_unknown" },
      { cookie: "payouts-session=unknown" },
      (await api.withToken("invoices:read")).headers,
    ];
    for (const headers of strangers) expect(await ask(headers)).toEqual({ status: 503, body: { status: "not-ready" } });
    await goLive();
    for (const headers of strangers) expect(await ask(headers)).toEqual({ status: 200, body: { status: "ready" } });
  });

  it("readiness is logged when it is lost and regained, not at every probe", async () => {
    api = await openTestApi({ now: QUIET });
    for (let probe = 0; probe < 3; probe += 1) await ask();
    await goLive();
    for (let probe = 0; probe < 3; probe += 1) await ask();
    expect(api.flow.log.of("readiness.lost")).toHaveLength(1);
    expect(api.flow.log.of("readiness.regained")).toHaveLength(1);
  });
});

describe("readiness without the database", () => {
  it("while the database is down /readyz answers 503, also to callers with a session, and 200 afterwards", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive();
    const { headers } = await api.as("viewer");
    const outage = await api.flow.database.outage();
    expect(await ask()).toEqual({ status: 503, body: { status: "not-ready" } });
    expect(await ask(headers)).toEqual({ status: 503, body: { status: "not-ready" } });
    expect((await api.request({ url: "/livez", headers })).statusCode).toBe(200);
    // No caller can be identified now, so the metrics are refused to all.
    expect((await api.request({ url: "/metrics", headers })).statusCode).toBeGreaterThanOrEqual(500);
    const [{ checks }] = api.flow.log.of("readiness.lost") as [{ checks: string[] }];
    expect(checks[0]).toMatch(/^database: /);
    await outage.end();
    await eventually(async () => (await ask()).status === 200);
  });

  it("20 concurrent probes of a database that hangs are answered with 503 while it still hangs", async () => {
    api = await openTestApi({ now: QUIET });
    await goLive();
    const { headers } = await api.withToken("metrics:read");
    const link = await openLink(api.flow.database.url);
    const connection = connect({ url: link.url, max: 2 });
    const { ctx, backend } = api.flow;
    const server = await createServer({
      ctx: { ...ctx, db: connection.db },
      backend,
      config: testConfig,
      migrationsFolder,
      assets: installedAssets(),
    });
    const probe = async () => (await server.inject({ url: "/readyz", headers })).statusCode;
    try {
      await eventually(async () => (await probe()) === 200);
      link.hang();
      expect(await Promise.all(Array.from({ length: 20 }, probe))).toEqual(Array(20).fill(503));
      link.resume();
      await eventually(async () => (await probe()) === 200);
    } finally {
      await server.close();
      await connection.close(0);
      await link.close();
    }
  });
});

describe.skipIf(inject("redisBinary") === null)("readiness without Redis", () => {
  const withRedis = async (
    use: (redis: Awaited<ReturnType<typeof startRedis>>, restart: () => Promise<void>) => Promise<void>,
  ) => {
    const folder = await mkdtemp(path.join(tmpdir(), "payouts-health-"));
    const start = { binary: inject("redisBinary") ?? "", folder };
    let redis = await startRedis(start);
    const restart = async () => {
      redis = await startRedis({ ...start, port: Number(new URL(redis.url).port) });
    };
    api = await openTestApi({ kind: "redis", redisUrl: redis.url, now: QUIET });
    try {
      await goLive();
      await eventually(async () => Object.keys(await problems()).length === 0);
      await use(redis, restart);
      await eventually(async () => Object.keys(await problems()).length === 0);
    } finally {
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    }
  };

  it("while Redis is down the readiness check of the queue fails, and every check is ok afterwards", () =>
    withRedis(async (redis, restart) => {
      await redis.stop();
      const { queue, ...others } = await problems();
      expect(queue).toMatch(/^failed: Redis at 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/);
      expect(others).toEqual({ scheduler: 'unknown: not checked, since "queue" failed' });
      const metrics = await api.request({ url: "/metrics", headers: (await api.withToken("metrics:read")).headers });
      expect(metrics.statusCode).toBe(200);
      expect(metrics.body).toContain('payouts_check_ok{check="queue"} 0\n');
      expect(metrics.body).not.toContain("payouts_queue_jobs");
      await restart();
    }));

  it("while Redis hangs the readiness check of the queue names its time limit", () =>
    withRedis(async (redis) => {
      process.kill(redis.pid, "SIGSTOP");
      try {
        expect((await problems()).queue).toBe("failed: no answer within 1250 ms");
      } finally {
        process.kill(redis.pid, "SIGCONT");
      }
    }));
});

describe("probes", () => {
  it("probes and scrapers may use any host name, other requests may not", async () => {
    api = await openTestApi({ now: NOW });
    const { headers } = await api.withToken("metrics:read", "runs:read");
    const as = (url: string) => api.request({ url, headers: { ...headers, host: "10.244.1.7:3000" } });
    expect((await as("/livez")).statusCode).toBe(200);
    expect((await as("/readyz")).statusCode).toBe(503);
    expect((await as("/metrics")).statusCode).toBe(200);
    expect((await as("/api/v1/runs")).statusCode).toBe(421);
    expect((await as("/nothing")).statusCode).toBe(421);
  });

  it("the liveness probe answers only that the process is alive", async () => {
    api = await openTestApi();
    const response = await api.request({ url: "/livez" });
    expect([response.statusCode, response.json()]).toEqual([200, { status: "alive" }]);
  });
});
