import type { IncomingHttpHeaders } from "node:http";

/**
 * Removes the ports from the addresses in `X-Forwarded-For`. Some proxies write them; an address with each of its ports would
 * be another client for the limits, and a trusted proxy with a port would not be recognised.
 */
export function dropForwardedPorts(headers: IncomingHttpHeaders): void {
  const forwarded = headers["x-forwarded-for"];
  if (forwarded === undefined) return;
  headers["x-forwarded-for"] = String(forwarded).split(",").map(withoutPort).join(", ");
}

function withoutPort(text: string): string {
  const address = text.trim();
  const [, v6, v4] = /^\[([^\]]*)\](?::\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(address) ?? [];
  return v6 ?? v4 ?? address;
}
