import type { AlertMessage } from "@cpa-payouts/core";
import { findWebhookProblem } from "./urls.ts";

const TIMEOUT_MS = 10_000;

/**
 * Opens the webhook channel: posts `{"text": "..."}`, the format of Slack's incoming webhooks. Mattermost, Rocket.Chat,
 * Google Chat, and Discord under `/slack`, accept it as well. `send` rejects unless the webhook answers 2xx. Its errors name the host only, because the
 * path is the secret that permits posting.
 *
 * @throws Error when the URL is not usable, see {@link findWebhookProblem}
 */
export function openWebhook({ url, timeoutMs = TIMEOUT_MS }: { url: string; timeoutMs?: number }) {
  const problem = findWebhookProblem(url);
  if (problem) throw new Error(problem);
  const { host } = new URL(url);
  return {
    send: async (message: AlertMessage): Promise<{ refused: number }> => {
      const status = await post(url, { text: lineOf(message) }, timeoutMs).catch((cause: unknown) => {
        throw new Error(`the webhook at ${host} did not answer: ${reasonOf(cause, timeoutMs)}`);
      });
      if (status < 200 || status > 299) throw new Error(`the webhook at ${host} answered ${status}${hintOf(status)}`);
      return { refused: 0 };
    },
  };
}

function lineOf({ headline, advice, link }: AlertMessage): string {
  return [`${headline}.`, advice, link].filter((part) => part !== null).join(" ");
}

/** @returns the status; the response body is not read, because some servers repeat the secret path in it */
async function post(url: string, body: object, timeoutMs: number): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    // The alert holds amounts, and the target of a redirect is not the configured recipient.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.body?.cancel();
  return response.status;
}

/** The error's code if it has one. A message with a slash is replaced, because those of fetch may quote the URL. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  if (!(error instanceof Error)) return "the connection failed";
  if (error.cause instanceof Error) return reasonOf(error.cause, timeoutMs);
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return code;
  return error.message.includes("/") ? "the connection failed" : error.message;
}

function hintOf(status: number): string {
  if (status >= 300 && status <= 399) return ", a redirect, which is not followed; write the final URL";
  if (status === 403 || status === 404 || status === 410) return "; was the webhook removed?";
  return "";
}
