import { insertAlerts, settleDelivery, startDelivery } from "@cpa-payouts/db";
import { testDatabase } from "@cpa-payouts/db/testing";
import {
  freePort,
  type MailServer,
  startMailServer,
  startWebhookServer,
  WEBHOOK_SECRET,
  type WebhookServer,
} from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { payouts, payoutsJson } from "./payouts.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

describe("payouts alerts test", () => {
  let mail: MailServer;
  let webhook: WebhookServer;

  beforeEach(async () => {
    mail = await startMailServer({
      onRcptTo: ({ address }, _session, done) => done(address.startsWith("typo") ? new Error("no mailbox") : undefined),
    });
    webhook = await startWebhookServer();
  });

  afterEach(async () => {
    await Promise.all([mail.stop(), webhook.stop()]);
  });

  const mailTo = (to: string) => ({ SMTP_URL: mail.url, ALERT_EMAIL_FROM: "payouts@example.com", ALERT_EMAIL_TO: to });

  it("a test alert is sent through every channel, without a database", async () => {
    const env = {
      ALERT_WEBHOOK_URL: webhook.url,
      ...mailTo("a@example.org, b@example.net"),
      PUBLIC_URL: "https://x.example.com/",
    };
    expect(await payouts(["alerts", "test", "--format", "csv"], env)).toEqual({
      code: 0,
      stdout: "channel,result,detail\nwebhook,sent,\nemail,sent,\n",
      stderr: "",
    });
    expect(webhook.bodies).toEqual([
      '{"text":"This is a test of the alerts of CPA Payouts. Nothing has happened. https://x.example.com"}',
    ]);
    expect(mail.mails).toHaveLength(1);
    expect(mail.mails[0]).toContain("To: a@example.org, b@example.net\r\n");
  });

  it("the error of each failing channel is printed without secrets, exit code 1", async () => {
    const port = await freePort();
    const env = {
      ALERT_WEBHOOK_URL: `http://127.0.0.1:${port}/${WEBHOOK_SECRET}`,
      ...mailTo("a@example.org,typo@example.org"),
    };
    const { code, stdout, stderr } = await payouts(["alerts", "test", "--format", "csv"], env);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: `channel,result,detail\nwebhook,failed,the webhook at 127.0.0.1:${port} did not answer: ECONNREFUSED\nemail,failed,refused recipients: 1\n`,
      stderr: "",
    });
  });

  it("a test alert without a channel, or with an incomplete one, is refused", async () => {
    expect(await payouts(["alerts", "test"], {})).toEqual({
      code: 2,
      stdout: "",
      stderr:
        "error: no channel is configured: set ALERT_WEBHOOK_URL, or SMTP_URL with ALERT_EMAIL_FROM and ALERT_EMAIL_TO\n",
    });
    expect(await payouts(["alerts", "test"], { SMTP_URL: mail.url })).toMatchObject({
      code: 2,
      stderr:
        "error: the configuration is wrong: ALERT_EMAIL_FROM and ALERT_EMAIL_TO: alerts by e-mail need SMTP_URL, ALERT_EMAIL_FROM, ALERT_EMAIL_TO; set all of them or none\n",
    });
  });
});

describe("payouts alerts", () => {
  it("alerts are listed with their deliveries, and failed deliveries are sent again on request", async () => {
    const database = await testDatabase();
    const env = { DATABASE_URL: database.url };
    const candidates = [{ key: "k", event: "run-finished", paymentDate: "2026-12-07" }] as const;
    await insertAlerts(database.db, { candidates, channels: ["webhook", "email"], now: NOW });
    await startDelivery(database.db, 1);
    const failed = { deliveryId: 1, state: "failed", error: "the webhook at x answered 410", now: NOW } as const;
    await settleDelivery(database.db, failed);
    const alert = { raisedAt: "2026-12-07T02:00:00.000Z", event: "run-finished", paymentDate: "2026-12-07" };
    const webhook = { ...alert, channel: "webhook", attempts: 1, error: "the webhook at x answered 410" };
    const email = { ...alert, channel: "email", state: "open", attempts: 0, error: null };
    expect(await payoutsJson(["alerts"], env)).toEqual([email, { ...webhook, state: "failed" }]);
    expect(await payoutsJson(["alerts", "retry"], env)).toEqual({ reopened: 1 });
    expect(await payouts(["alerts", "retry"], env)).toMatchObject({ code: 0, stdout: "No delivery has failed\n" });
    expect(await payoutsJson(["alerts", "--limit", "1"], env)).toEqual([email]);
    expect(await payoutsJson(["alerts"], env)).toEqual([email, { ...webhook, state: "open" }]);
    await settleDelivery(database.db, failed);
    await settleDelivery(database.db, { ...failed, deliveryId: 2 });
    expect(await payouts(["alerts", "retry"], env)).toMatchObject({
      code: 0,
      stdout: "Deliveries to be sent again at the next tick: 2\n",
    });
    await database.close();
  });
});
