import { openEmail, openWebhook } from "@cpa-payouts/alerts";
import type { Alerts } from "@cpa-payouts/pipeline";
import type { Config } from "./env.ts";

/** Opens the configured channels. Nothing connects before an alert is sent. */
export function openAlerts({ alerts: { webhookUrl, email, publicUrl } }: Pick<Config, "alerts">): Alerts {
  return {
    channels: {
      ...(webhookUrl ? { webhook: openWebhook({ url: webhookUrl }) } : {}),
      ...(email ? { email: openEmail(email) } : {}),
    },
    publicUrl,
  };
}
