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
 * `onInvoiceBatch` is called after each batch of invoices.
 */
export function createHandlers(ctx: Context, onInvoiceBatch: OnInvoiceBatch): Handlers {
  return {
    tick: { run: () => tick(ctx), onExhausted: null },
    decide: { run: (payload) => decide(ctx, payload), onExhausted: null },
    "fan-out": { run: (payload) => fanOut(ctx, payload), onExhausted: null },
    "create-invoice": {
      run: invoiceBatcher(ctx, ctx.pace.invoices, onInvoiceBatch),
      onExhausted: (payload, error) => failInvoice(ctx, payload, error),
    },
    "close-run": { run: (payload) => closeRun(ctx, payload), onExhausted: null },
    "send-alert": {
      run: (payload) => sendAlert(ctx, payload),
      onExhausted: (payload, error) => failAlert(ctx, payload, error),
    },
  };
}
