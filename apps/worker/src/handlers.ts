import type { Handlers } from "@cpa-payouts/jobs";
import {
  type Context,
  closeFinishedRun,
  decide,
  fanOut,
  invoiceBatcher,
  type OnInvoiceBatch,
  sendAlert,
  tick,
} from "@cpa-payouts/pipeline";

/** Maps each job to the step of the flow that it calls. `onInvoiceBatch` is called after each batch of invoices. */
export function createHandlers(ctx: Context, onInvoiceBatch: OnInvoiceBatch): Handlers {
  return {
    tick: () => tick(ctx),
    decide: (payload) => decide(ctx, payload),
    "fan-out": (payload) => fanOut(ctx, payload),
    "create-invoice": invoiceBatcher(ctx, ctx.pace.invoices, onInvoiceBatch),
    "close-run": (payload) => closeFinishedRun(ctx, payload),
    "send-alert": (payload) => sendAlert(ctx, payload),
  };
}
