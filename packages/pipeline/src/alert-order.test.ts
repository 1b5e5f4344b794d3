import { completeRun, findAdmin, getSettings, holdChange, insertAdmin, updateSettings } from "@cpa-payouts/db";
import { decidedRun } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTestFlow, recordingChannel, type TestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";

const ALICE = "alice@example.com";

/** More than a tick queues of one channel and rank. */
const MANY = 1_100;

let flow: TestFlow;

beforeEach(async () => {
  const { channel } = recordingChannel();
  const alerts = { channels: { webhook: channel, email: channel }, publicUrl: null };
  flow = await openTestFlow({ kind: "postgres", now: "2026-12-01T08:00:00Z", alerts });
  await tick(flow.ctx);
  flow.clock.set("2026-12-01T09:00:00Z");
});

afterEach(() => flow.close());

/** Old alerts whose deliveries are open, after so many attempts. */
async function raiseMany({ channels, attempts }: { channels: readonly string[]; attempts: number }): Promise<void> {
  await flow.database.sql`
    with raised as (
      insert into alerts (key, event, raised_at)
      select 'tick-failed:' || n, 'tick-failed', ${flow.clock().toISOString()} from generate_series(1, ${MANY}) n returning id
    )
    insert into alert_deliveries (alert_id, channel, attempts)
    select id, channel, ${attempts}::int from raised, unnest(${channels}::text[]) channel`;
}

/** Adds an administrator, who switches the two-person rule on and requests to switch it off. */
async function requestChange(): Promise<void> {
  const { db, clock } = flow.ctx;
  await insertAdmin(db, { actor: "cli:ops", email: ALICE, role: "admin", passwordHash: "hash", now: clock() });
  await updateSettings(db, { actor: ALICE, twoPersonAboveCents: 500_00n, now: clock() });
  const requestedBy = (await findAdmin(db, ALICE))?.id ?? 0;
  const wanted = { twoPersonAboveCents: null };
  await holdChange(db, { actor: ALICE, requestedBy, kind: "settings", object: "settings", wanted, now: clock() });
}

/** A run without any user owed, closed at the present instant. */
async function closeRun(): Promise<void> {
  const run = await decidedRun(flow.ctx, "2026-12-07");
  await flow.database.sql`update payment_runs set state = 'processing' where id = ${run.id}`;
  expect(await completeRun(flow.ctx.db, run, flow.clock())).toBe(true);
}

/** The channels through which the alert of an event is in the queue. */
async function queued(event: string): Promise<string[]> {
  const deliveries = await flow.database.sql<{ id: string; channel: string }[]>`
    select d.id, d.channel from alert_deliveries d join alerts a on a.id = d.alert_id
    where a.event = ${event} order by d.channel`;
  const jobs = await Promise.all(deliveries.map(({ id }) => flow.ctx.queues.bullmq.alerts.getJob(`send-alert-${id}`)));
  return deliveries.filter((_, index) => jobs[index]).map(({ channel }) => channel);
}

const BOTH = ["email", "webhook"];

describe("alerts while many others wait", () => {
  it("an alert is queued by the tick that raises it, however many deliveries of its channels have failed and are tried again", async () => {
    await raiseMany({ channels: BOTH, attempts: 3 });
    await closeRun();
    await tick(flow.ctx);
    expect(await queued("run-finished")).toEqual(BOTH);
  });

  it("deliveries of one channel never keep those of another from being queued", async () => {
    await raiseMany({ channels: ["email"], attempts: 0 });
    await closeRun();
    await tick(flow.ctx);
    expect(await queued("run-finished")).toEqual(["webhook"]);
    await flow.database.sql`update alert_deliveries set attempts = 1 where channel = 'email' and id < 500`;
    await tick(flow.ctx);
    expect(await queued("run-finished")).toEqual(BOTH);
  });

  it("the alerts of a change that waits, and of access, are queued by the tick that raises them, however many others were not tried yet", async () => {
    await raiseMany({ channels: BOTH, attempts: 0 });
    await requestChange();
    await tick(flow.ctx);
    expect(await queued("change-waits")).toEqual(BOTH);
    expect(await queued("admin-created")).toEqual(BOTH);
  });

  it("alerts of access that wait do not hold up that of a change, whose wait ends a day after it", async () => {
    await flow.database.sql`
      insert into audit_log (at, actor, action, object, after)
      select ${flow.clock().toISOString()}, ${ALICE}, 'token.create', 'token:' || n, '{"scopes": ["audit:read"]}' from generate_series(1, ${2 * MANY}) n`;
    for (let ticks = 0; ticks < 3; ticks++) await tick(flow.ctx);
    await requestChange();
    await tick(flow.ctx);
    expect(await queued("change-waits")).toEqual(BOTH);
    flow.clock.set("2026-12-02T08:59:59Z");
    await tick(flow.ctx);
    expect((await getSettings(flow.ctx.db)).twoPersonAboveCents).toBe(500_00n);
    flow.clock.set("2026-12-02T09:00:00Z");
    await tick(flow.ctx);
    expect((await getSettings(flow.ctx.db)).twoPersonAboveCents).toBeNull();
  });
});
