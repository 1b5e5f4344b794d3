import { createInvoices } from "@cpa-payouts/db";
import { decidedRun, userIds } from "@cpa-payouts/db/testing";
import { eventually } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let url: string;

beforeEach(async () => {
  api = await openTestApi({ users: [{ externalId: "a" }, { externalId: "b" }] });
  await decidedRun(api.flow.ctx, "2026-12-07");
  url = await api.server.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(() => api.close());

async function follow() {
  const { headers } = await api.as("viewer");
  const { host: _host, ...sent } = headers as Record<string, string>;
  const response = await fetch(`${url}/api/v1/runs/2026-12-07/progress`, { headers: sent });
  const received = { text: "" };
  const ended = (async () => {
    for await (const chunk of response.body ?? []) received.text += Buffer.from(chunk).toString();
  })();
  return { response, received, ended };
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
