import { type Context, isReady, type Readiness, type ReadinessCheck, withTimeout } from "@cpa-payouts/pipeline";
import { Gauge, Histogram, Registry } from "prom-client";
import { databaseGauges, type GaugeReading, queueGauges } from "./gauges.ts";

/** The metrics served at `/metrics`. */
export interface Metrics {
  /** Records the duration of a request. */
  observeRequest(request: { method: string; route: string; status: number; seconds: number }): void;
  /** All metrics with their present values, in Prometheus' text format. */
  text(): Promise<string>;
}

/** Prometheus waits ten seconds by default, of which the readiness checks may take three. */
const LIMIT_MS = 5_000;

const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Creates the metrics of the installation and of this process.
 *
 * @param processMetrics this process's own metrics, in Prometheus' text format
 */
export function openMetrics(options: {
  readonly ctx: Context;
  readonly readiness: Readiness;
  readonly processMetrics?: (() => Promise<string>) | undefined;
}): Metrics {
  const { ctx, readiness, processMetrics = async () => "" } = options;
  const requests = new Registry();
  const durations = new Histogram({
    name: "payouts_http_request_duration_seconds",
    help: "How long requests took, by the pattern of their route",
    labelNames: ["method", "route", "status"],
    buckets: DURATION_BUCKETS_S,
    registers: [requests],
  });
  const database = withTimeout(() => databaseGauges(ctx), LIMIT_MS);
  const queue = withTimeout(() => queueGauges(ctx), LIMIT_MS);
  const installation = async () => {
    const checks = await readiness();
    const isWell = (name: ReadinessCheck["check"]) =>
      checks.some(({ check, state }) => check === name && state === "ok");
    // Gauges whose check fails are left out, since zeros would look like real values; `payouts_check_ok` is 0 then.
    const gauges = await Promise.all([isWell("migrations") ? database() : [], isWell("queue") ? queue() : []]);
    return write([...readinessGauges(checks), ...gauges.flat()]);
  };
  return {
    observeRequest: ({ method, route, status, seconds }) => durations.observe({ method, route, status }, seconds),
    text: async () => (await Promise.all([installation(), requests.metrics(), processMetrics()])).join("\n"),
  };
}

function readinessGauges(checks: readonly ReadinessCheck[]): GaugeReading[] {
  return [
    {
      name: "payouts_ready",
      help: "Whether everything is in place for the next payment date",
      samples: [{ value: isReady(checks) ? 1 : 0 }],
    },
    {
      name: "payouts_check_ok",
      help: "Whether a check of /readyz holds",
      samples: checks.map(({ check, state }) => ({ labels: { check }, value: state === "ok" ? 1 : 0 })),
    },
  ];
}

/** Uses a new registry for each response, so that the gauges of a finished run disappear. */
async function write(gauges: readonly GaugeReading[]): Promise<string> {
  const registry = new Registry();
  for (const { name, help, samples } of gauges) {
    const labelNames = Object.keys(samples[0]?.labels ?? {});
    const gauge = new Gauge({ name, help, labelNames, registers: [registry] });
    // prom-client starts a gauge without labels at 0; without a sample the gauge must be absent.
    if (samples.length === 0) gauge.remove();
    for (const { labels = {}, value } of samples) gauge.set({ ...labels }, value);
  }
  return registry.metrics();
}
