import { isLoopback } from "@cpa-payouts/core";
import type { ApiConfig } from "../env.ts";
import { ApiProblem } from "../problems.ts";

/**
 * Refuses requests that were sent to another name than ours: a foreign page whose name leads to this address (DNS
 * rebinding) would pass for one of ours, since to the browser it is the same origin.
 */
export function hostCheck({ host, publicUrl }: Pick<ApiConfig, "host" | "publicUrl">): (requested: string) => void {
  const publicHost = publicUrl ? new URL(publicUrl).host : null;
  return (requested) => {
    const name = requested.replace(/:\d+$/, "");
    if (requested === publicHost || isLoopback(name) || name === host) return;
    throw new ApiProblem(421, "wrong-host", "this is not the name of this server; set PUBLIC_URL if it is");
  };
}
