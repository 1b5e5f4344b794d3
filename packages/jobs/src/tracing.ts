import type { Telemetry } from "bullmq";
import type { QueueName } from "./catalog.ts";

/** The telemetry options of a queue and its workers. */
export type TracingOf = (name: QueueName) => { telemetry?: Telemetry };

/**
 * The telemetry options by queue. A trace begins at a tick and continues through the jobs that it adds. No trace context is
 * passed to a tick: BullMQ would copy that of a scheduler's first job to every later one, and the runs of all years would
 * form one trace.
 */
export function tracingOf(telemetry: Telemetry | undefined): TracingOf {
  // BullMQ's option types do not accept an undefined `telemetry`.
  if (!telemetry) return () => ({});
  const begins = { telemetry: withoutPropagation(telemetry) };
  return (name) => (name === "ticks" ? begins : { telemetry });
}

/** Telemetry that adds no trace context to jobs. The context manager keeps its prototype, which has its methods. */
function withoutPropagation({ tracer, contextManager }: Telemetry): Telemetry {
  return { tracer, contextManager: Object.assign(Object.create(contextManager), { getMetadata: () => "" }) };
}
