import { createInvoices } from "@cpa-payouts/db";
import { decidedRun, userIds } from "@cpa-payouts/db/testing";
import { eventually } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTestApi, type SignedIn, type TestApi } from "./api.ts";

let api: TestApi;
let url: string;

beforeEach(async () => {
  api = await openTestApi({ users: [{ externalId: "a" }, { externalId: "b" }] });
  await decidedRun(api.flow.ctx, "2026-12-07");
  url = await api.server.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(() => api.close());

async function follow(caller?: SignedIn) {
  const { headers } = caller ?? (await api.as("viewer"));
  const { host: _host, ...sent } = headers as Record<string, string>;
  const gone = new AbortController();
  const response = await fetch(`${url}/api/v1/runs/2026-12-07/progress`, { headers: sent, signal: gone.signal });
  const received = { text: "" };
  const ended = (async () => {
    for await (const chunk of response.body ?? []) received.text += Buffer.from(chunk).toString();
  })().catch((cause: unknown) => {
    if (!gone.signal.aborted) throw cause;
  });
  return { response, received, ended, abort: () => gone.abort() };
}

const progress = (done: number) => `event: progress\ndata: {"state":"fanning-out","done":${done},"total":2}\n\n`;

it("a progress stream reports every change of a run, and its end", async () => {
  const { response, received, ended } = await follow();
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  await eventually(() => received.text === progress(0));
  const { a = 0 } = await userIds(api.flow.database);
  await createInvoices(api.flow.ctx.db, { runId: 1, userIds: [a], now: api.flow.clock() });
  await eventually(() => received.text === progress(0) + progress(1));
  await api.flow.database.sql`update payment_runs set state = 'cancelled', cancelled_at = now()`;
  await ended;
  expect(received.text).toContain('event: end\ndata: {"state":"cancelled","done":1,"total":2}\n\n');
});

it("a progress stream ends when the server closes, and does not delay closing", async () => {
  const { received, ended } = await follow();
  await eventually(() => received.text !== "");
  await api.server.close();
  await ended;
});

it("a progress stream ends with the session that opened it", async () => {
  const viewer = await api.as("viewer");
  const { received, ended } = await follow(viewer);
  await eventually(() => received.text !== "");
  await viewer.signOut();
  await ended;
  expect(received.text).not.toContain("event: end");
});

it("a progress stream ends when its session has expired, since following a run is no use of a session", async () => {
  const viewer = await api.as("viewer");
  const { received, ended } = await follow(viewer);
  await eventually(() => received.text !== "");
  api.flow.clock.set("2026-12-07T12:31:00Z");
  await ended;
});

it("a progress stream ends when the token that opened it is revoked", async () => {
  const program = await api.withToken("runs:read");
  const { received, ended } = await follow(program);
  await eventually(() => received.text !== "");
  await api.flow.database.sql`update api_tokens set revoked_at = now()`;
  await ended;
});

it("one person follows five runs at a time at most, and another one when a stream has ended", async () => {
  const [viewer, operator] = [await api.as("viewer"), await api.as("operator")];
  const streams = [];
  for (let index = 0; index < 5; index++) streams.push(await follow(viewer));
  expect((await follow(viewer)).response.status).toBe(429);
  expect((await follow(operator)).response.status).toBe(200);
  streams[0]?.abort();
  await eventually(async () => (await follow(viewer)).response.status === 200);
});
