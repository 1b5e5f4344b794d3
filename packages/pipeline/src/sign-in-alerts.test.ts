import type { AlertMessage } from "@cpa-payouts/core";
import {
  countTries,
  findAdmin,
  insertAdmin,
  liftTries,
  listAlerts,
  noteSignInFailure,
  openSession,
  refusedCodes,
} from "@cpa-payouts/db";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Alerts } from "./context.ts";
import { sendAlert } from "./send-alert.ts";
import { openTestFlow, recordingChannel, type TestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";

const EMAIL = "alice@example.com";

let flow: TestFlow;
let sent: AlertMessage[];
let both: Alerts;

beforeEach(async () => {
  const { channel, sent: messages } = recordingChannel();
  sent = messages;
  both = { channels: { webhook: channel, email: channel }, publicUrl: null };
  flow = await openTestFlow({ kind: "postgres", now: "2026-12-01T08:00:00Z", alerts: both });
  await addAdmin(EMAIL);
  await tick(flow.ctx);
});

afterEach(async () => {
  await flow.close();
});

async function addAdmin(email: string): Promise<void> {
  const { db, clock } = flow.ctx;
  await insertAdmin(db, { actor: "test", email, role: "admin", passwordHash: "hash", now: clock() });
}

async function fail(times: number, email: string | null = EMAIL): Promise<void> {
  for (let index = 0; index < times; index++)
    await noteSignInFailure(flow.ctx.db, { email, clientAddress: "203.0.113.7", now: flow.clock() });
}

let sessions = 0;
async function signIn(clientNetwork: string, { email = EMAIL, isLocal = false } = {}): Promise<void> {
  const admin = await findAdmin(flow.ctx.db, email);
  const token = `token-${++sessions}`;
  await openSession(flow.ctx.db, {
    actor: email,
    adminId: admin?.id ?? 0,
    credentialsVersion: admin?.credentialsVersion ?? 0,
    tokenHash: token,
    replacesTokenHash: null,
    device: { tokenHash: token, replacesTokenHash: null },
    clientAddress: clientNetwork,
    clientNetwork,
    isLocal,
    userAgent: "test",
    now: flow.clock(),
  });
}

const tickAt = (instant: string, alerts = both) => {
  flow.clock.set(instant);
  return tick({ ...flow.ctx, alerts });
};

/** The alerts about sign-ins. That administrators were added raises alerts, too. */
async function raised() {
  const alerts = (await listAlerts(flow.ctx.db)).filter(({ event }) => event.startsWith("sign-in"));
  return alerts.map(({ event, channel }) => `${event} by ${channel}`).reverse();
}

async function sendAll(): Promise<AlertMessage[]> {
  const rows = await flow.database.sql<
    { id: string }[]
  >`select d.id from alert_deliveries d join alerts a on a.id = d.alert_id
    where d.state = 'open' and a.event like 'sign-in%' order by d.id`;
  for (const { id } of rows) await sendAlert(flow.ctx, { deliveryId: Number(id) });
  return sent;
}

describe("alert of failed sign-ins", () => {
  it("ten failed sign-ins of one administrator on one day raise one alert per channel", async () => {
    await fail(9);
    await tickAt("2026-12-01T08:05:00Z");
    expect(await raised()).toEqual([]);
    await fail(1);
    await Promise.all(Array.from({ length: 5 }, () => tickAt("2026-12-01T08:10:00Z")));
    await fail(20);
    await tickAt("2026-12-01T09:00:00Z");
    expect(await raised()).toEqual(["sign-ins-failed by webhook", "sign-ins-failed by email"]);
    expect((await sendAll())[0]).toMatchObject({
      headline: "30 sign-ins as alice@example.com failed on 2026-12-01",
      details: expect.arrayContaining([expect.stringContaining("payouts admin unlock alice@example.com")]),
    });
    expect(sent[0]).not.toHaveProperty("recipient");
  });

  it("failed sign-ins of many administrators, and of e-mails without an account, are not added up", async () => {
    await addAdmin("bob@example.com");
    await fail(9);
    await fail(9, "bob@example.com");
    await fail(50, null);
    await tickAt("2026-12-01T08:05:00Z");
    expect(await raised()).toEqual([]);
  });

  it("failed sign-ins of the last minutes of a day are reported after midnight, and the next day is counted anew", async () => {
    flow.clock.set("2026-12-01T23:58:00Z");
    await fail(10);
    await tickAt("2026-12-02T00:01:00Z");
    await fail(9);
    await tickAt("2026-12-02T00:05:00Z");
    expect(await sendAll()).toHaveLength(2);
    expect(sent[0]?.headline).toBe("10 sign-ins as alice@example.com failed on 2026-12-01");
  });
});

describe("right passwords without a right code", () => {
  const refuse = (network: string) =>
    countTries(flow.ctx.db, [refusedCodes("ALICE@example.com", network, flow.clock()).counter], flow.clock());
  const audited = () => flow.database.sql`
    select actor, object, after, client_address from audit_log where action = 'session.refuse-code' order by id`;

  it("ten minutes after the first one they are in the audit log and raise one alert a day, however many ticks come at once", async () => {
    await refuse("2001:db8:1:2::/64");
    await refuse("2001:db8:1:2::/64");
    await tickAt("2026-12-01T08:09:59Z");
    expect(await audited()).toEqual([]);
    await Promise.all(Array.from({ length: 5 }, () => tickAt("2026-12-01T08:10:00Z")));
    expect(await audited()).toEqual([
      { actor: "system", object: `admin:${EMAIL}`, after: { tries: 2 }, client_address: "2001:db8:1:2::/64" },
    ]);
    await tickAt("2026-12-01T08:15:00Z");
    await refuse("203.0.113.9");
    await tickAt("2026-12-01T08:30:00Z");
    expect(await audited()).toHaveLength(2);
    expect(await raised()).toEqual(["sign-ins-failed by webhook", "sign-ins-failed by email"]);
    expect((await sendAll())[0]?.headline).toBe(
      "The right password of alice@example.com was given from 2001:db8:1:2::/64 on 2026-12-01, but no right code of the second factor",
    );
  });

  it("a thief who goes on trying does not put the alert off, also when a tick is late", async () => {
    for (const minute of ["08:04", "08:09", "08:13", "08:17", "08:19", "08:24"]) {
      flow.clock.set(`2026-12-01T${minute}:00Z`);
      await refuse("203.0.113.9");
    }
    await tickAt("2026-12-01T08:25:00Z");
    expect((await audited()).map(({ after }) => after)).toEqual([{ tries: 2 }, { tries: 3 }]);
  });

  it("unlocking the administrator does not hide them", async () => {
    await refuse("203.0.113.9");
    await liftTries(flow.ctx.db, { actor: "test", email: EMAIL, now: flow.clock() });
    await tickAt("2026-12-01T08:10:00Z");
    expect(await audited()).toHaveLength(1);
    expect(await flow.database.sql`select from throttles`).toHaveLength(0);
  });
});

describe("alert of a sign-in from a new address", () => {
  it("a sign-in from a new address is reported to its administrator by e-mail, once per address", async () => {
    await signIn("203.0.113.7");
    await signIn("203.0.113.7");
    await tickAt("2026-12-01T08:05:00Z");
    await tickAt("2026-12-01T08:10:00Z");
    expect(await raised()).toEqual(["sign-in-from-new-address by email"]);
    await signIn("2001:db8:1:2::/64");
    await tickAt("2026-12-01T08:15:00Z");
    const [first, second, ...others] = await sendAll();
    expect(first).toMatchObject({
      headline: "alice@example.com signed in from an address that is new for them: 203.0.113.7",
      recipient: EMAIL,
    });
    expect(second?.recipient).toBe(EMAIL);
    expect(others).toEqual([]);
  });

  it("without a mail server, or with an address that no mail reaches, a sign-in from a new address is reported to all channels", async () => {
    await signIn("203.0.113.7");
    await tickAt("2026-12-01T08:05:00Z", {
      channels: { webhook: { send: async () => ({ refused: 0 }) } },
      publicUrl: null,
    });
    expect(await raised()).toEqual(["sign-in-from-new-address by webhook"]);
    await addAdmin("admin@localhost");
    await signIn("203.0.113.8", { email: "admin@localhost" });
    await tickAt("2026-12-01T08:10:00Z");
    expect((await raised()).slice(1)).toEqual([
      "sign-in-from-new-address by webhook",
      "sign-in-from-new-address by email",
    ]);
    const localhost = (await sendAll()).filter(({ headline }) => headline.startsWith("admin@localhost"));
    expect(localhost.map(({ recipient }) => recipient)).toEqual([undefined, undefined]);
  });

  it("at most ten sign-ins of one account are reported within 24 hours, the last one says so, and the audit log has all", async () => {
    await addAdmin("bob@example.com");
    for (let network = 1; network <= 12; network++) await signIn(`203.0.113.${network}`);
    await signIn("203.0.113.1", { email: "bob@example.com" });
    await tickAt("2026-12-01T08:05:00Z");
    const messages = await sendAll();
    expect(messages.map(({ headline }) => headline.replace(/ signed in .* /, " "))).toEqual([
      ...Array.from({ length: 10 }, (_, index) => `${EMAIL} 203.0.113.${index + 1}`),
      "bob@example.com 203.0.113.1",
    ]);
    const saying = messages.filter(({ details }) => details.join().includes("no further sign-ins"));
    expect(saying.map(({ headline }) => headline)).toEqual([expect.stringContaining("203.0.113.10")]);
    expect(await flow.database.sql`select from audit_log where action = 'session.open'`).toHaveLength(13);
    flow.clock.set("2026-12-02T07:59:59Z");
    await signIn("203.0.113.98");
    flow.clock.set("2026-12-02T08:00:00Z");
    await signIn("203.0.113.99");
    await tickAt("2026-12-02T08:05:00Z");
    expect((await sendAll()).slice(11).map(({ headline }) => headline)).toEqual([
      `${EMAIL} signed in from an address that is new for them: 203.0.113.99`,
    ]);
  });

  it("of the sign-ins that were stored at once, or by a version without this limit, ten are reported as well", async () => {
    await signIn("127.0.0.1", { isLocal: true });
    await flow.database.sql`
      insert into admin_sessions (admin_id, token_hash, created_at, last_seen_at, confirmed_at, expires_at, client_address, is_new_address, user_agent)
      select admin_id, 'flood-' || n, created_at, last_seen_at, confirmed_at, expires_at, '198.51.100.1', true, 'test'
      from admin_sessions, generate_series(1, 1001) n`;
    await tickAt("2026-12-01T08:05:00Z");
    await tickAt("2026-12-01T08:10:00Z");
    expect(await raised()).toHaveLength(10);
  });

  it("a sign-in on the machine of the server, or before alerts had a channel, is not reported", async () => {
    await signIn("127.0.0.1", { isLocal: true });
    flow.clock.set("2026-12-01T07:59:00Z");
    await signIn("203.0.113.7");
    await tickAt("2026-12-01T08:05:00Z");
    expect(await raised()).toEqual([]);
  });
});

describe("audit of failed sign-ins", () => {
  const audited = () => flow.database.sql`
    select actor, object, after, client_address from audit_log where action = 'session.refuse' order by id`;
  const row = (object: string, hour: string, failures: number) => ({
    actor: "system",
    object,
    after: { hour, failures },
    client_address: "203.0.113.7",
  });

  it("failed sign-ins have one row in the audit log per administrator and hour, however many ticks come at once", async () => {
    await fail(3);
    await fail(2, null);
    await tickAt("2026-12-01T08:59:00Z");
    expect(await audited()).toEqual([]);
    await Promise.all(Array.from({ length: 10 }, () => tickAt("2026-12-01T09:00:00Z")));
    const first = [
      row("admin:alice@example.com", "2026-12-01T08:00Z", 3),
      row("admin:unknown", "2026-12-01T08:00Z", 2),
    ];
    expect(await audited()).toEqual(first);
    await fail(4);
    await tickAt("2026-12-01T10:00:00Z");
    expect(await audited()).toEqual([...first, row("admin:alice@example.com", "2026-12-01T09:00Z", 4)]);
  });

  it("a failure that is counted after its hour was written to the audit log is written, too", async () => {
    await fail(3);
    await tickAt("2026-12-01T09:00:00Z");
    flow.clock.set("2026-12-01T08:59:59Z");
    await fail(1);
    await tickAt("2026-12-01T09:05:00Z");
    expect(await audited()).toEqual([
      row("admin:alice@example.com", "2026-12-01T08:00Z", 3),
      row("admin:alice@example.com", "2026-12-01T08:00Z", 1),
    ]);
  });

  it("a week after the audit log has them, the counts of failed sign-ins are deleted", async () => {
    await fail(1);
    await tickAt("2026-12-01T09:00:00Z");
    await tickAt("2026-12-08T08:00:00Z");
    expect(await flow.database.sql`select from sign_in_failures`).toHaveLength(1);
    await tickAt("2026-12-08T09:00:00Z");
    expect(await flow.database.sql`select from sign_in_failures`).toHaveLength(0);
  });
});
