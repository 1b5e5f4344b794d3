import { isLoopback } from "@cpa-payouts/core";
import type { ApiConfig } from "../env.ts";
import { ApiProblem } from "../problems.ts";

/**
 * Refuses requests for a host name that is not the server's. Otherwise a foreign page whose host name resolves to this
 * server's address (DNS rebinding) would have the same origin as the API, as far as the browser can see.
 *
 * @returns a function that takes the requested host, with or without a port, and throws ApiProblem 421 to refuse it
 */
export function hostCheck({ host, publicUrl }: Pick<ApiConfig, "host" | "publicUrl">): (requested: string) => void {
  const publicHost = publicUrl ? new URL(publicUrl).host : null;
  // URL leaves the port out that belongs to the scheme, and a client may write it.
  const defaultPort = publicUrl?.startsWith("https:") ? /:443$/ : /:80$/;
  return (requested) => {
    const lowerCase = requested.toLowerCase();
    const name = lowerCase.replace(/:\d+$/, "");
    if (lowerCase.replace(defaultPort, "") === publicHost || isLoopback(name) || name === host.toLowerCase()) return;
    throw new ApiProblem(421, "wrong-host", "this is not the name of this server; set PUBLIC_URL if it is");
  };
}
