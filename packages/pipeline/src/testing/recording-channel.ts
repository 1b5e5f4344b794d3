import type { AlertMessage } from "@cpa-payouts/core";
import type { Channel } from "../index.ts";

/** A channel that keeps the messages it is given, and refuses no recipient. */
export function recordingChannel(): { readonly channel: Channel; readonly sent: AlertMessage[] } {
  const sent: AlertMessage[] = [];
  const channel = {
    send: async (message: AlertMessage) => {
      sent.push(message);
      return { refused: 0 };
    },
  };
  return { channel, sent };
}
