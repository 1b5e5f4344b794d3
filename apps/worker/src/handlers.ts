import type { Handlers } from "@cpa-payouts/jobs";
import {
  type Context,
  closeRun,
  decide,
  failAlert,
  failInvoice,
  fanOut,
  invoiceBatcher,
  type OnInvoiceBatch,
  sendAlert,
  tick,
} from "@cpa-payouts/pipeline";

/**
 * Maps each job to the step of the flow that it calls, and to the function that records its last failure.
 * `onInvoiceBatch` is called after each batch of invoices, `beforeStep` before each tick and step of a run.
 */
export function createHandlers(
  ctx: Context,
  onInvoiceBatch: OnInvoiceBatch,
  beforeStep: () => Promise<void>,
): Handlers {
  const step = <P, R>(work: (ctx: Context, payload: P) => Promise<R>) => ({
    run: async (payload: P) => {
      await beforeStep();
      return work(ctx, payload);
    },
    onExhausted: null,
  });
  return {
    tick: step(tick),
    decide: step(decide),
    "fan-out": step(fanOut),
    "create-invoice": {
      run: invoiceBatcher(ctx, ctx.pace.invoices, onInvoiceBatch),
      onExhausted: (payload, error) => failInvoice(ctx, payload, error),
    },
    "close-run": step(closeRun),
    "send-alert": {
      run: (payload) => sendAlert(ctx, payload),
      onExhausted: (payload, error) => failAlert(ctx, payload, error),
    },
  };
}
