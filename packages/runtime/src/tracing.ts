import { OperationError } from "@cpa-payouts/core";
import { describeError } from "@cpa-payouts/db";
import type { Telemetry } from "@cpa-payouts/jobs";
import type { Log } from "@cpa-payouts/pipeline";
import type { Config } from "./env.ts";

export interface Tracing {
  /** For the queues and workers of the process; undefined when tracing is off. */
  readonly telemetry: Telemetry | undefined;
  /** Sends the remaining traces; a failure is logged as `traces.lost`. */
  stop(): Promise<void>;
}

const SERVICE = "cpa-payouts";
const PACKAGES = "bullmq-otel@2.0.1 @opentelemetry/api@1.9.1 @opentelemetry/sdk-node@0.220.0";

/**
 * Starts OpenTelemetry if it is configured; to be called once per process. One trace leads from a tick through the
 * steps of a run to each of its invoices, across processes. Each job then carries a `traceparent` of 74 bytes; spans
 * name queues, jobs and job ids.
 *
 * @throws OperationError in one line when the packages for tracing, which are optional, are not installed
 */
export async function startTracing({ isTraced }: Pick<Config, "isTraced">, log: Pick<Log, "warn">): Promise<Tracing> {
  if (!isTraced) return { telemetry: undefined, stop: async () => {} };
  const { BullMQOtel, NodeSDK, resources } = await loadPackages();
  const sdk = new NodeSDK({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override it. The other detectors would also send the
    // command line, the user name and the host name.
    resource: resources.resourceFromAttributes({ "service.name": SERVICE }),
    resourceDetectors: [resources.envDetector],
    // Traces only: without these two lines the SDK also sends metrics and logs to the collector.
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return {
    telemetry: new BullMQOtel({ tracerName: SERVICE }),
    stop: async () => {
      // An unreachable collector must not make a command fail.
      await sdk.shutdown().catch((cause: unknown) => log.warn({ error: describeError(cause) }, "traces.lost"));
    },
  };
}

async function loadPackages() {
  try {
    const [{ BullMQOtel }, { NodeSDK, resources }] = await Promise.all([
      import("bullmq-otel"),
      import("@opentelemetry/sdk-node"),
    ]);
    return { BullMQOtel, NodeSDK, resources };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new OperationError(
      `OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which need packages that are not installed: npm install ${PACKAGES}, or unset it`,
      { cause },
    );
  }
}
