import type { AlertMessage } from "@cpa-payouts/core";
import { type AlertDelivery, describeError, noteDeliveryError, settleDelivery, startDelivery } from "@cpa-payouts/db";
import { composeAlert } from "./compose-alert.ts";
import type { Channel, Context } from "./context.ts";

type Sent = "sent" | "dropped" | "settled-before";

/**
 * Makes one delivery: one alert through one channel, so that a mail server that is away repeats no webhook. What is told
 * no longer holds is dropped. A process that dies between sending and recording it sends it again: at least once is all
 * that a mail server or a webhook can promise.
 *
 * @throws Error of the channel, to be tried again
 */
export async function sendAlert(ctx: Context, { deliveryId }: { deliveryId: number }): Promise<{ result: Sent }> {
  const delivery = await startDelivery(ctx.db, deliveryId);
  if (!delivery) return { result: "settled-before" };
  const { alert, channel } = delivery;
  const message = await composeAlert(ctx, alert);
  const refused = message ? await send(ctx, delivery, { deliveryId, message }) : 0;
  const state = message ? "sent" : "dropped";
  await settleDelivery(ctx.db, { deliveryId, state, error: null, now: ctx.clock() });
  const told = { alertId: alert.id, event: alert.event, channel };
  if (refused > 0) ctx.log.warn({ ...told, refused }, "alert.recipients-refused");
  ctx.log.info(told, `alert.${state}`);
  return { result: state };
}

async function send(
  { db, alerts }: Context,
  { channel }: AlertDelivery,
  { deliveryId, message }: { deliveryId: number; message: AlertMessage },
): Promise<number> {
  try {
    const { refused } = await required(alerts.channels[channel], channel).send(message);
    return refused;
  } catch (cause) {
    await noteDeliveryError(db, { deliveryId, error: describeError(cause) });
    throw cause;
  }
}

/** Another worker may have it, or this one after its next start. */
function required(channel: Channel | undefined, name: string): Channel {
  if (!channel) throw new Error(`this worker has no channel ${name}; every worker needs the same configuration`);
  return channel;
}

/** Gives a delivery up, once its job has been tried for the last time. Only an operator opens it again. */
export async function failAlert(
  ctx: Pick<Context, "db" | "clock" | "log">,
  { deliveryId }: { deliveryId: number },
  error: string,
): Promise<void> {
  if (!(await settleDelivery(ctx.db, { deliveryId, state: "failed", error, now: ctx.clock() }))) return;
  ctx.log.error({ deliveryId, error }, "alert.failed");
}
