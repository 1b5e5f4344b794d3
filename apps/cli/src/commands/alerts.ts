import { type AlertChannel, type AlertMessage, InputError } from "@cpa-payouts/core";
import { describeError, listAlerts } from "@cpa-payouts/db";
import { type Channel, channelsOf, composeTest, retryAlerts } from "@cpa-payouts/pipeline";
import { openAlerts } from "@cpa-payouts/runtime";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";

/** `payouts alerts`: prints the alerts with the state of their delivery on each channel, newest first. */
export async function printAlerts(cli: Cli, { limit }: { limit?: number }): Promise<undefined> {
  await withDatabase(cli, async ({ db }) => {
    const alerts = await listAlerts(db, limit);
    await cli.output.list(
      [
        { key: "raisedAt" },
        { key: "event" },
        { key: "paymentDate" },
        { key: "channel" },
        { key: "state" },
        { key: "attempts", align: "right" },
        { key: "error" },
      ],
      alerts.map((alert) => ({ ...alert, raisedAt: alert.raisedAt.toISOString() })),
    );
  });
}

/**
 * `payouts alerts test`: sends a test alert through every configured channel from this process, without database or
 * queue.
 *
 * @returns `failed` when a channel fails or refuses a recipient
 * @throws InputError when no channel is configured
 */
export async function testAlerts(cli: Cli): Promise<ExitCode> {
  const alerts = openAlerts(cli.config);
  const names = channelsOf({ alerts });
  if (names.length === 0)
    throw new InputError(
      "no channel is configured: set ALERT_WEBHOOK_URL, or SMTP_URL with ALERT_EMAIL_FROM and ALERT_EMAIL_TO",
    );
  const message = composeTest({ clock: cli.clock, alerts });
  const results = await Promise.all(names.map((name) => tryChannel(name, alerts.channels[name], message)));
  await cli.output.list([{ key: "channel" }, { key: "result" }, { key: "detail" }], results);
  return results.every(({ result }) => result === "sent") ? exitCodes.done : exitCodes.failed;
}

async function tryChannel(name: AlertChannel, channel: Channel | undefined, message: AlertMessage) {
  try {
    const refused = (await channel?.send(message))?.refused ?? 0;
    if (refused > 0) return { channel: name, result: "failed", detail: `refused recipients: ${refused}` };
    return { channel: name, result: "sent", detail: null };
  } catch (cause) {
    return { channel: name, result: "failed", detail: describeError(cause) };
  }
}

/** `payouts alerts retry`: opens the failed deliveries again and prints how many; the workers send them after the next tick. */
export async function resendAlerts(cli: Cli): Promise<undefined> {
  await withDatabase(cli, async (ctx) => {
    const reopened = await retryAlerts(ctx, { actor: cli.actor });
    await cli.output.object({ reopened }, () => [
      reopened === 0 ? "No delivery has failed" : `Deliveries to be sent again at the next tick: ${reopened}`,
    ]);
  });
}
