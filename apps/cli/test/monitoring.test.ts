import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { findRun, insertApiToken, recordTick } from "@cpa-payouts/db";
import { importNetwork } from "@cpa-payouts/db/testing";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import {
  bundlePayouts,
  eventually,
  freePort,
  type PayoutsProcess,
  parseMetrics,
  startPayouts,
} from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { payouts } from "./payouts.ts";

/** Half past two on a payment date, whose run the first tick of a worker then opens. */
const NOW = "2026-12-07T02:30:00Z";
const USERS = 12;

let flow: TestFlow;
let running: PayoutsProcess | null;

beforeEach(async () => {
  running = null;
  flow = await openTestFlow({ kind: "postgres", now: NOW });
  await importNetwork(
    flow.ctx,
    Array.from({ length: USERS }, (_, index) => ({ externalId: `user-${index}` })),
  );
  await recordTick(flow.ctx.db, new Date("2026-12-01T00:00:00Z"), { isAlerting: false });
});

afterEach(async () => {
  await running?.stop();
  await flow.close();
});

const untilPaid = () => eventually(async () => (await findRun(flow.ctx.db, "2026-12-07"))?.state === "completed");

const scrape = async (url: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${url}/metrics`, { headers });
  expect(response.status).toBe(200);
  return parseMetrics(await response.text());
};

describe("metrics", () => {
  it("a worker serves its metrics on METRICS_PORT", async () => {
    const port = await freePort();
    running = startPayouts(["worker", "--now", NOW], { ...environmentOf(flow), METRICS_PORT: `${port}` });
    await untilPaid();
    const url = `http://127.0.0.1:${port}`;
    const samples = await scrape(url);
    expect(samples.get("payouts_invoice_batch_jobs_sum")).toBe(USERS);
    expect(samples.has('payouts_invoices{status="pending"}')).toBe(false);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await running.stop()).toBe(0);
  });

  it("`up` serves the metrics of worker and API on the API's port", async () => {
    const port = await freePort();
    const token = "payouts_test";
    const tokenHash = createHash("sha256").update(token).digest("hex");
    const grant = { actor: "test", name: "monitor", scopes: ["metrics:read"], now: new Date(NOW) };
    await insertApiToken(flow.ctx.db, { ...grant, tokenHash, expiresAt: new Date("2027-01-01T00:00:00Z") });
    running = startPayouts(["up", "--now", NOW], { ...environmentOf(flow), API_PORT: `${port}` });
    await untilPaid();
    const url = `http://127.0.0.1:${port}`;
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const samples = await scrape(url, { authorization: `Bearer ${token}` });
    expect(samples.get("payouts_invoice_batch_jobs_sum")).toBe(USERS);
    expect(samples.get('payouts_invoices{status="pending"}')).toBe(USERS);
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(0);
    expect(samples.get('payouts_http_request_duration_seconds_count{method="GET",route="/metrics",status="401"}')).toBe(
      1,
    );
    await eventually(async () => (await fetch(`${url}/readyz`)).status === 200);
  });

  it("a METRICS_PORT that is not a number is refused", async () => {
    const { code, stderr } = await payouts(["worker"], { ...environmentOf(flow), METRICS_PORT: "no" });
    expect([code, stderr]).toEqual([
      2,
      "error: the configuration is wrong: METRICS_PORT: write a whole number from 0 to 65535\n",
    ]);
  });
});

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { key: string; value: Readonly<Record<string, unknown>> }[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** A trace collector that keeps the spans that it receives as JSON. */
async function startCollector() {
  const exports: Export[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      exports.push(JSON.parse(Buffer.concat(chunks).toString()) as Export);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exports,
    spans: () =>
      exports
        .flatMap(({ resourceSpans }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const attribute = ({ attributes }: Span, name: string) => attributes.find(({ key }) => key === name)?.value.stringValue;

describe("traces", () => {
  it("a trace leads from the tick to every invoice and carries ids only", async () => {
    const collector = await startCollector();
    try {
      running = startPayouts(["worker", "--now", NOW], {
        ...environmentOf(flow),
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      });
      await untilPaid();
      expect(await running.stop()).toBe(0);
      const works = collector.spans().filter(({ name }) => name.startsWith("process "));
      const jobs = (name: string) => works.filter((span) => attribute(span, "bullmq.job.name") === name);
      expect(jobs("create-invoice")).toHaveLength(USERS);
      const [opener] = jobs("decide");
      const ofRun = works.filter(({ traceId }) => traceId === opener?.traceId);
      const names = new Set(ofRun.map((span) => attribute(span, "bullmq.job.name")));
      expect(names).toEqual(new Set(["tick", "decide", "fan-out", "create-invoice", "close-run"]));
      expect(ofRun.filter((span) => attribute(span, "bullmq.job.name") === "create-invoice")).toHaveLength(USERS);

      const sent = JSON.stringify(collector.exports);
      expect(sent).not.toMatch(/@|example\.com|User user-|150\.00|amount|cents|balance/);
      const [first] = collector.exports;
      const described = first?.resourceSpans[0]?.resource.attributes.map(({ key }) => key);
      expect(described).toEqual(["service.name"]);
    } finally {
      await collector.close();
    }
  });

  it("tracing in a bundle without its packages is refused, and the error names them", async () => {
    const bundle = await bundlePayouts();
    try {
      const env = { ...environmentOf(flow), OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };
      running = startPayouts(["worker"], env, [bundle.file]);
      expect(await running.ended()).toBe(1);
      expect(running.stderr()).toBe(
        "error: OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which need packages that are not installed: npm install bullmq-otel@2.0.1 @opentelemetry/api@1.9.1 @opentelemetry/sdk-node@0.220.0, or unset it\n",
      );
    } finally {
      await bundle.remove();
    }
  });
});
