import type { Telemetry } from "bullmq";
import type { QueueName } from "./catalog.ts";

/** What the queue and the workers of a name are opened with. */
export type TracingOf = (name: QueueName) => { telemetry?: Telemetry };

/**
 * A trace leads through the jobs from the first tick that finds something to do. No trace leads to a tick: BullMQ hands that
 * of a scheduler's first job on to every job that follows it, so that the runs of all years would be one trace.
 */
export function tracingOf(telemetry: Telemetry | undefined): TracingOf {
  // BullMQ's options take no `undefined` where there is nothing.
  if (!telemetry) return () => ({});
  const begins = { telemetry: withoutPropagation(telemetry) };
  return (name) => (name === "ticks" ? begins : { telemetry });
}

/** The context manager is an object with a prototype, which must be kept. */
function withoutPropagation({ tracer, contextManager }: Telemetry): Telemetry {
  return { tracer, contextManager: Object.assign(Object.create(contextManager), { getMetadata: () => "" }) };
}
