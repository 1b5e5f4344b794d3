import { isLoopback } from "@cpa-payouts/core";

/**
 * Checks the URL of a webhook. It must be https unless it leads to this machine, because anyone who reads the request
 * on the way could post to the channel and would see amounts.
 *
 * @returns null when the URL is usable, otherwise what to write instead; never quoting the URL, which is a secret
 */
export function findWebhookProblem(text: string): string | null {
  const url = parse(text);
  const example = "write a URL such as https://hooks.slack.com/services/...";
  if (!url || !["https:", "http:"].includes(url.protocol)) return example;
  if (url.protocol === "http:" && !isLoopback(url.hostname)) return `${example}; http is for this machine only`;
  // fetch refuses such a URL with an error that quotes it.
  if (url.username || url.password) return `${example}, without user and password`;
  return null;
}

/**
 * Checks the URL of a mail server.
 *
 * @returns null when the URL is usable, otherwise what to write instead; never quoting the URL, which holds a password
 */
export function findSmtpProblem(text: string): string | null {
  const url = parse(text);
  const example = "write a URL such as smtps://user:password@mail.example.com or smtp://mail.example.com:587";
  if (!url || !["smtp:", "smtps:"].includes(url.protocol) || !url.hostname) return example;
  if (url.search || url.hash || !["", "/"].includes(url.pathname)) return `${example}, with nothing behind the port`;
  if (Boolean(url.username) !== Boolean(url.password)) return `${example}, with both user and password or neither`;
  return canDecode(url) ? null : `${example}, with % in user or password as %25`;
}

function parse(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function canDecode({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch (cause) {
    if (cause instanceof URIError) return false;
    throw cause;
  }
}
