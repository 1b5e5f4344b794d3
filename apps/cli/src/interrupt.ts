import { OperationError } from "@cpa-payouts/core";

/**
 * Creates a signal that SIGINT and SIGTERM abort, with an OperationError as its reason.
 *
 * @param explanation what this means and how to continue; the end of the error's message
 * @returns the signal, and `dispose` to stop listening
 */
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
