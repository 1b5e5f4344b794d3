import type { AlertMessage } from "@cpa-payouts/core";
import { type AlertDelivery, describeError, noteDeliveryError, settleDelivery, startDelivery } from "@cpa-payouts/db";
import { composeAlert } from "./compose-alert.ts";
import type { Channel, Context } from "./context.ts";

type Sent = "sent" | "dropped" | "settled-before";

/**
 * Makes one delivery: sends one alert through one channel. Each channel has a delivery of its own, so the webhook is not
 * called again when the mail server fails. An alert that no longer applies is dropped.
 *
 * Delivery is at least once: if the process dies between sending and recording, the message is sent again.
 *
 * @throws the error of the channel; the job is then tried again
 */
export async function sendAlert(ctx: Context, { deliveryId }: { deliveryId: number }): Promise<{ result: Sent }> {
  const delivery = await startDelivery(ctx.db, deliveryId);
  if (!delivery) return { result: "settled-before" };
  const { alert, channel } = delivery;
  const message = await composeAlert(ctx, alert);
  const refused = message ? await send(ctx, delivery, { deliveryId, message }) : 0;
  const state = message ? "sent" : "dropped";
  await settleDelivery(ctx.db, { deliveryId, state, error: null, now: ctx.clock() });
  const fields = { alertId: alert.id, alert: alert.event, channel };
  if (refused > 0) ctx.log.warn({ ...fields, refused }, "alert.recipients-refused");
  ctx.log.info(fields, message ? "alert.sent" : "alert.dropped");
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

/** Throws, so that the job is tried again: another worker may have the channel, or this one after a restart. */
function required(channel: Channel | undefined, name: string): Channel {
  if (!channel) throw new Error(`this worker has no channel ${name}; every worker needs the same configuration`);
  return channel;
}

/** Marks a delivery as failed after the last attempt of its job. Only `payouts alerts retry` opens it again. */
export async function failAlert(
  ctx: Pick<Context, "db" | "clock" | "log">,
  { deliveryId }: { deliveryId: number },
  error: string,
): Promise<void> {
  if (!(await settleDelivery(ctx.db, { deliveryId, state: "failed", error, now: ctx.clock() }))) return;
  ctx.log.error({ deliveryId, error }, "alert.failed");
}
