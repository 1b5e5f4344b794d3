import { OperationError } from "@cpa-payouts/core";

/** An abort signal that SIGINT and SIGTERM set off, with what the person is then told. */
export function onInterrupt(explanation: string): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const abort = (signal: NodeJS.Signals) =>
    controller.abort(new OperationError(`stopped by ${signal}; ${explanation}`));
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off("SIGINT", abort);
      process.off("SIGTERM", abort);
    },
  };
}
