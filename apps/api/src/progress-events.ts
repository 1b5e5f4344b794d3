import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { getRun, type PaymentRun } from "@cpa-payouts/db";
import { progressMeter } from "@cpa-payouts/pipeline";
import type { FastifyRequest } from "fastify";
import type { Api } from "./api.ts";

const INTERVAL_MS = 1_000;
/** Proxies close a connection that is silent for about a minute. */
const SILENCE_MS = 15_000;

/**
 * The progress of a run as server-sent events (HTML standard, section 9.2): `progress` at every change, a comment when
 * nothing has changed for 15 seconds, `end` when the run is completed or cancelled. The stream also ends when the client
 * disconnects or the server closes.
 */
export function progressEvents(api: Api, { id }: PaymentRun, { raw, server }: FastifyRequest): Readable {
  const gone = new AbortController();
  raw.once("close", () => gone.abort());
  return Readable.from(events(api, id, AbortSignal.any([gone.signal, server.closing])));
}

async function* events({ ctx }: Api, runId: number, signal: AbortSignal): AsyncGenerator<string> {
  const progressOf = progressMeter(ctx);
  let told = "";
  let silentSince = performance.now();
  while (!signal.aborted) {
    const progress = await progressOf(await getRun(ctx.db, runId));
    const data = JSON.stringify(progress);
    const isOver = progress.state === "completed" || progress.state === "cancelled";
    if (data !== told) yield `event: progress\ndata: ${data}\n\n`;
    else if (performance.now() - silentSince > SILENCE_MS) yield ": still here\n\n";
    if (isOver) {
      yield `event: end\ndata: ${data}\n\n`;
      return;
    }
    if (data !== told) silentSince = performance.now();
    told = data;
    // An abort (the client has disconnected, or the server closes) is not an error.
    await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
}
