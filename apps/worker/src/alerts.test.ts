import { openEmail, openWebhook } from "@cpa-payouts/alerts";
import {
  completeRun,
  findAdmin,
  holdChange,
  insertAdmin,
  listAlerts,
  reopenDeliveries,
  settleDelivery,
} from "@cpa-payouts/db";
import { decidedRun, importNetwork } from "@cpa-payouts/db/testing";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { type Alerts, decide, fanOut, startRun, tick, verify } from "@cpa-payouts/pipeline";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import {
  eventually,
  type MailServer,
  STALL_MS,
  startMailServer,
  startWebhookServer,
  WEBHOOK_SECRET,
  type WebhookServer,
} from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startWorkers } from "./workers.ts";

const FIRST_MONDAY = { date: "2026-12-07", kind: "first-monday" } as const;
const MAIL = { from: "payouts@example.com", to: ["marker-finance@example.org"] };

describeOnBackends("alerts", (kind) => {
  let flow: TestFlow;
  let mail: MailServer;
  let webhook: WebhookServer;
  let workers: RunningWorker[];

  beforeEach(async () => {
    mail = await startMailServer();
    webhook = await startWebhookServer();
    flow = await openTestFlow({ kind, now: "2026-12-07T01:00:00Z", alerts: alertsTo(webhook, mail) });
    workers = [];
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
    await flow.close();
    await Promise.all([mail.stop(), webhook.stop()]);
  });

  const alertsTo = (webhook: WebhookServer, { url: smtpUrl }: Pick<MailServer, "url">): Alerts => ({
    channels: {
      webhook: openWebhook({ url: webhook.url, timeoutMs: STALL_MS }),
      email: openEmail({ smtpUrl, ...MAIL, timeoutMs: STALL_MS }),
    },
    publicUrl: "https://payouts.example.com",
  });
  const work = async (ctx = flow.ctx) => {
    workers.push(await startWorkers(ctx, flow.backend, { concurrency: 10 }));
  };
  /** Channel, state and attempts of every delivery, such as `webhook sent after 1`. */
  const deliveries = async () =>
    (await listAlerts(flow.ctx.db))
      .map(({ channel, state, attempts }) => `${channel} ${state} after ${attempts}`)
      .sort();
  const reach = (...states: string[]) =>
    eventually(async () => JSON.stringify(await deliveries()) === JSON.stringify(states));
  const texts = () => webhook.bodies.map((body) => JSON.parse(body).text);
  /** Runs delayed attempts now instead of after seconds or hours. */
  const hurry = async () => {
    const delayed = await flow.ctx.queues.bullmq.alerts.getDelayed();
    // A job whose delay has just ended is no longer delayed, and promoting it is an error.
    await Promise.allSettled(delayed.map((job) => job.promote()));
  };
  const addAdmin = (email: string) =>
    insertAdmin(flow.ctx.db, { actor: "cli:ops", email, role: "admin", passwordHash: "hash", now: flow.clock() });
  /** Closes a run without raising its alert, like a process that dies in between. */
  const closeAndDie = async () => {
    const run = await decidedRun(flow.ctx, "2026-12-07");
    await flow.database.sql`update payment_runs set state = 'processing' where id = ${run.id}`;
    await completeRun(flow.ctx.db, run, flow.ctx.clock());
  };

  it("a finished run is reported once on each channel, despite two workers and repeated ticks", async () => {
    await importNetwork(flow.ctx, [{ externalId: "marker-a" }, { externalId: "b" }, { externalId: "c", balance: "5" }]);
    await tick(flow.ctx);
    await work();
    await work();
    flow.clock.set("2026-12-07T02:00:00Z");
    await tick(flow.ctx);
    await reach("email sent after 1", "webhook sent after 1");
    await Promise.all(Array.from({ length: 5 }, () => tick(flow.ctx)));
    await flow.ctx.queues.ensureQueued("send-alert", [{ deliveryId: 1 }, { deliveryId: 2 }]);
    await eventually(async () => {
      const counts = await flow.ctx.queues.bullmq.alerts.getJobCounts("waiting", "prioritized", "active", "delayed");
      return Object.values(counts).every((jobs) => jobs === 0);
    });
    expect(await deliveries()).toEqual(["email sent after 1", "webhook sent after 1"]);
    expect(texts()).toEqual([
      "Payment run 2026-12-07 finished: 2 invoices for $300.00. The invoices can be reviewed. https://payouts.example.com/runs/2026-12-07",
    ]);
    expect(mail.mails).toHaveLength(1);
    const [text = ""] = mail.mails;
    expect(text).toContain("Subject: Payment run 2026-12-07 finished: 2 invoices for $300.00\r\n");
    expect(text).toContain("Invoiced       2 for $300.00\r\nSkipped        1\r\nFailed         0\r\n");
    expect(text + texts()).not.toContain("marker-a");
    const log = JSON.stringify(flow.log.lines);
    for (const secret of [WEBHOOK_SECRET, "marker", "300.00"]) expect(log).not.toContain(secret);
  });

  it("the alert for a run with failed users says how many failed and what to do", async () => {
    await importNetwork(flow.ctx, [{ externalId: "poison" }, { externalId: "fine" }]);
    await flow.database.sql.unsafe(`
      create function refuse_poison() returns trigger language plpgsql as $$
      begin
        if new.destination like 'poison%' then raise exception 'no invoice for %', new.destination; end if;
        return new;
      end $$;
      create trigger refuse_poison before insert on invoices for each row execute function refuse_poison()`);
    await tick(flow.ctx);
    await work();
    await startRun(flow.ctx, { date: FIRST_MONDAY, trigger: "manual", actor: "test" });
    await reach("email sent after 1", "webhook sent after 1");
    expect(texts()).toEqual([
      'Payment run 2026-12-07 finished with 1 failed user: 1 invoice for $150.00. "payouts runs show 2026-12-07" says why they failed, "payouts retry --date 2026-12-07" tries them again. https://payouts.example.com/runs/2026-12-07',
    ]);
  });

  it("alerts are sent even if the process that closed the run died and the queue lost their jobs", async () => {
    await tick(flow.ctx);
    await closeAndDie();
    await tick(flow.ctx);
    const { alerts } = flow.ctx.queues.bullmq;
    expect(await alerts.count()).toBe(2);
    await alerts.obliterate({ force: true });
    await tick(flow.ctx);
    await work();
    await reach("email sent after 1", "webhook sent after 1");
    expect([texts().length, mail.mails.length]).toEqual([1, 1]);
  });

  it("a webhook that answers 500 is tried again, while the e-mail is sent once", async () => {
    const moody = await startWebhookServer([500, 500]);
    const ctx = { ...flow.ctx, alerts: alertsTo(moody, mail) };
    await tick(ctx);
    await closeAndDie();
    await tick(ctx);
    await work(ctx);
    await eventually(async () => {
      await hurry();
      return (await deliveries()).every((delivery) => delivery.includes("sent"));
    });
    expect(await deliveries()).toEqual(["email sent after 1", "webhook sent after 3"]);
    expect([moody.bodies.length, mail.mails.length]).toEqual([1, 1]);
    expect(flow.log.of("job.retried").map(({ error }) => error)).toEqual(
      Array.from({ length: 2 }, () => `the webhook at ${new URL(moody.url).host} answered 500`),
    );
    await moody.stop();
  });

  it("while the mail server is down the webhook is called at once, and the e-mail follows when it is back", async () => {
    const { port } = mail;
    await mail.stop();
    await tick(flow.ctx);
    await closeAndDie();
    await tick(flow.ctx);
    await work();
    await eventually(async () => (await deliveries()).includes("webhook sent after 1"));
    const error = await eventually(async () => (await listAlerts(flow.ctx.db)).find(({ error }) => error)?.error);
    expect(error).toBe(
      `the mail server at 127.0.0.1:${port} did not accept the message: connect ECONNREFUSED 127.0.0.1:${port}`,
    );
    // The tick does not touch a delivery that waits for its next attempt.
    await tick(flow.ctx);
    mail = await startMailServer({ port });
    await eventually(async () => {
      await hurry();
      return mail.mails.length > 0;
    });
    await eventually(async () => (await deliveries())[0]?.startsWith("email sent"));
    expect([texts().length, mail.mails.length]).toEqual([1, 1]);
  });

  it("an alert that cannot be sent is given up after 14 attempts, and sent when an operator reopens it", async () => {
    const dead = await startWebhookServer(Array.from({ length: 14 }, () => 410));
    const { webhook: channel } = alertsTo(dead, mail).channels;
    const ctx = { ...flow.ctx, alerts: { channels: { ...(channel ? { webhook: channel } : {}) }, publicUrl: null } };
    await tick(ctx);
    await closeAndDie();
    await tick(ctx);
    await work(ctx);
    const error = `the webhook at ${new URL(dead.url).host} answered 410; was the webhook removed?`;
    await eventually(async () => {
      await hurry();
      return flow.log.of("alert.failed").length > 0;
    });
    expect(flow.log.of("alert.failed")).toEqual([{ deliveryId: 1, error }]);
    expect(await deliveries()).toEqual(["webhook failed after 14"]);
    const { alerts } = flow.ctx.queues.bullmq;
    await eventually(async () => (await alerts.getFailedCount()) === 1);
    await tick(ctx);
    expect(await alerts.getFailedCount()).toBe(1);
    const jobs = JSON.stringify((await alerts.getJobs()).map((job) => job.asJSON()));
    expect(jobs).toContain("answered 410");
    expect(jobs).not.toContain(WEBHOOK_SECRET);

    expect(await reopenDeliveries(flow.ctx.db, { actor: "test", now: flow.clock() })).toBe(1);
    expect(await reopenDeliveries(flow.ctx.db, { actor: "test", now: flow.clock() })).toBe(0);
    await tick(ctx);
    await reach("webhook sent after 15");
    expect(dead.bodies).toHaveLength(1);
    expect(await flow.database.sql`select actor, object from audit_log where action = 'alert.retry'`).toMatchObject([
      { actor: "test", object: "alert:1" },
    ]);
    expect(await settleDelivery(ctx.db, { deliveryId: 1, state: "failed", error, now: flow.clock() })).toBe(false);
    await dead.stop();
  });

  it("an alert that is no longer true is dropped", async () => {
    flow.clock.set("2026-12-01T00:00:00Z");
    await tick(flow.ctx);
    flow.clock.set("2026-12-15T00:00:00Z");
    await tick(flow.ctx);
    const run = await startRun(flow.ctx, { date: FIRST_MONDAY, trigger: "manual", actor: "test" });
    await decide(flow.ctx, { runId: run.id });
    await fanOut(flow.ctx, { runId: run.id });
    await work();
    await eventually(async () => flow.log.of("alert.dropped").length === 2);
    // The run that made up for the missed date is reported instead.
    await reach("email dropped after 1", "email sent after 1", "webhook dropped after 1", "webhook sent after 1");
    expect(texts()).toEqual([
      "Payment run 2026-12-07 finished: 0 invoices for $0.00. The invoices can be reviewed. https://payouts.example.com/runs/2026-12-07",
    ]);
  });

  it("a missed payment date and an overdue review are reported", async () => {
    await importNetwork(flow.ctx, [{ externalId: "aff" }]);
    flow.clock.set("2026-12-01T00:00:00Z");
    await tick(flow.ctx);
    await work();
    flow.clock.set("2026-12-07T02:00:00Z");
    await tick(flow.ctx);
    await reach("email sent after 1", "webhook sent after 1");
    flow.clock.set("2026-12-29T02:00:00Z");
    await tick(flow.ctx);
    await eventually(() => texts().length === 3 && mail.mails.length === 3);
    expect(new Set(texts().slice(1))).toEqual(
      new Set([
        "No invoice has been reviewed for 3 days: 1 invoice for $150.00 awaits review. Review the pending invoices. https://payouts.example.com/invoices?status=pending",
        'Payment date 2026-12-21 was missed: it has no run, and it is too old to be run automatically. "payouts run --date 2026-12-21" makes up for it. https://payouts.example.com/',
      ]),
    );
    // Makes up for the missed date, which would break an invariant at the end.
    await startRun(flow.ctx, { date: { date: "2026-12-21", kind: "mid-month" }, trigger: "manual", actor: "test" });
    await eventually(() => texts().length === 4);
  });

  it("the alert of a change that waits is sent before all others, and those of access before the rest", async () => {
    const { db } = flow.ctx;
    await tick(flow.ctx);
    await closeAndDie();
    await tick(flow.ctx);
    for (let n = 1; n <= 9; n++) await addAdmin(`admin${n}@example.com`);
    await tick(flow.ctx);
    const requestedBy = (await findAdmin(db, "admin1@example.com"))?.id ?? 0;
    const request = { actor: "admin1@example.com", requestedBy, kind: "settings", object: "settings" } as const;
    await holdChange(db, { ...request, wanted: { twoPersonAboveCents: null }, now: flow.clock() });
    await tick(flow.ctx);
    await work();
    await eventually(() => texts().length === 11 && mail.mails.length === 11);
    // A worker sends four alerts at a time, two of them by webhook, so neighbours may change places.
    expect(texts().slice(0, 2).join()).toContain("admin1@example.com requested to relax settings");
    expect(texts().slice(-2).join()).toContain("Payment run 2026-12-07 finished");
  });

  it("a hundred deliveries that fail give way to one that was not tried yet", async () => {
    // It fails as often as needed: on a slow machine some deliveries have a second attempt before the worker is stopped.
    const broken = await startWebhookServer(Array.from({ length: 10_000 }, () => 500));
    const repaired = await startWebhookServer();
    const ctxOf = (server: WebhookServer) => {
      const { webhook: channel } = alertsTo(server, mail).channels;
      return { ...flow.ctx, alerts: { channels: { ...(channel ? { webhook: channel } : {}) }, publicUrl: null } };
    };
    await tick(ctxOf(broken));
    for (let n = 1; n <= 100; n++) await addAdmin(`admin${n}@example.com`);
    await tick(ctxOf(broken));
    await work(ctxOf(broken));
    await eventually(async () => (await deliveries()).every((delivery) => delivery !== "webhook open after 0"));
    await workers.pop()?.close();
    await hurry();
    await addAdmin("the-last@example.com");
    await tick(ctxOf(repaired));
    await work(ctxOf(repaired));
    const isLast = (body: string) => body.includes("the-last@example.com");
    await eventually(() => repaired.bodies.some(isLast));
    // A worker sends four alerts at a time.
    expect(repaired.bodies.findIndex(isLast)).toBeLessThan(4);
    await Promise.all([broken, repaired].map((server) => server.stop()));
  });

  it("an alert for a channel that one worker lacks is sent by another worker", async () => {
    await tick(flow.ctx);
    await closeAndDie();
    await tick(flow.ctx);
    await work({ ...flow.ctx, alerts: { channels: {}, publicUrl: null } });
    await eventually(() => flow.log.of("job.retried").length >= 2);
    expect(flow.log.of("job.retried")[0]?.error).toContain("this worker has no channel");
    // The worker without channels could use up all attempts while this test promotes them.
    await workers.pop()?.close();
    await work();
    await eventually(async () => {
      await hurry();
      return texts().length + mail.mails.length >= 2;
    });
  });
});
