import { OperationError } from "@cpa-payouts/core";
import { describeError } from "@cpa-payouts/db";
import type { Telemetry } from "@cpa-payouts/jobs";
import type { Log } from "@cpa-payouts/pipeline";
import type { Config } from "./env.ts";

export interface Tracing {
  /** For the queues and workers of the process; undefined when nobody wants traces. */
  readonly telemetry: Telemetry | undefined;
  /** Sends what has not been sent. */
  stop(): Promise<void>;
}

const SERVICE = "cpa-payouts";
const PACKAGES = "bullmq-otel@2.0.1 @opentelemetry/api@1.9.1 @opentelemetry/sdk-node@0.220.0";

/**
 * Starts OpenTelemetry if it is configured: one trace leads from a tick through the steps of a run to each of its invoices,
 * whatever processes they happen in. Once per process. A job then carries the 74 bytes of a `traceparent`; spans name queues,
 * jobs and their ids.
 *
 * @throws OperationError in one line when the packages, which nobody else needs, are not installed
 */
export async function startTracing({ isTraced }: Pick<Config, "isTraced">, log: Pick<Log, "warn">): Promise<Tracing> {
  if (!isTraced) return { telemetry: undefined, stop: async () => {} };
  const { BullMQOtel, NodeSDK, resources } = await loadPackages();
  const sdk = new NodeSDK({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override it. The other detectors would send the command line, the
    // user's and the machine's name along.
    resource: resources.resourceFromAttributes({ "service.name": SERVICE }),
    resourceDetectors: [resources.envDetector],
    // Traces only: left out, the SDK sends metrics and logs to the collector, too.
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return {
    telemetry: new BullMQOtel({ tracerName: SERVICE }),
    stop: async () => {
      // A collector that is away is no reason for a command to fail.
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
