import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { OperationError } from "@cpa-payouts/core";
import { describeError } from "@cpa-payouts/db";
import { isReady, type Log, type Readiness } from "@cpa-payouts/pipeline";
import type { Config } from "@cpa-payouts/runtime";

export interface Monitoring {
  /** Such as `http://127.0.0.1:9464`. */
  readonly url: string;
  close(): Promise<void>;
}

export interface MonitoringOptions {
  readonly address: NonNullable<Config["metricsAddress"]>;
  readonly readiness: Readiness;
  /** Returns the metrics of the process in Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  readonly log: Log;
}

interface MonitoringResponse {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const JSON_TYPE = "application/json; charset=utf-8";
const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Serves `/livez`, `/readyz` and `/metrics` of a worker over HTTP. There is no sign-in, so it shows counts and
 * durations only; amounts are in the metrics of the API, which needs a session or token.
 *
 * @throws OperationError in one line when the address is in use or not one of this machine
 */
export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const server = createServer((request, response) => {
    void respond(options, request, response);
  });
  const url = await listen(server, options.address);
  options.log.info({ address: url }, "monitoring.started");
  return { url, close: () => close(server) };
}

async function respond(options: MonitoringOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, type, body } = await responseTo(options, request).catch((cause: unknown) => {
    options.log.error({ error: describeError(cause) }, "monitoring.failed");
    return json(500, { status: "unexpected" });
  });
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function responseTo(
  { readiness, metrics }: MonitoringOptions,
  { method, url }: IncomingMessage,
): Promise<MonitoringResponse> {
  if (method !== "GET" && method !== "HEAD") return json(405, { status: "method-not-allowed" });
  switch (url?.split("?")[0]) {
    case "/livez":
      return json(200, { status: "alive" });
    case "/readyz":
      return isReady(await readiness()) ? json(200, { status: "ready" }) : json(503, { status: "not-ready" });
    case "/metrics":
      return { status: 200, type: PROMETHEUS_TYPE, body: await metrics() };
    default:
      return json(404, { status: "not-found" });
  }
}

function json(status: number, body: object): MonitoringResponse {
  return { status, type: JSON_TYPE, body: JSON.stringify(body) };
}

function listen(server: Server, { host, port }: MonitoringOptions["address"]): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const why = `the metrics cannot be served on ${host}:${port}: ${describeError(cause)}; set METRICS_HOST and METRICS_PORT`;
      reject(new OperationError(why, { cause }));
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      const name = host.includes(":") ? `[${host}]` : host;
      resolve(`http://${name}:${typeof address === "object" && address ? address.port : port}`);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // A scraper keeps its connection open, and a shutdown must not wait for it.
    server.closeAllConnections();
  });
}
