import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { getRun, type PaymentRun } from "@cpa-payouts/db";
import { progressMeter } from "@cpa-payouts/pipeline";
import type { FastifyRequest } from "fastify";
import type { Api } from "./api.ts";

const INTERVAL_MS = 1_000;
/** A proxy closes a connection on which nothing comes for a minute or so. */
const SILENCE_MS = 15_000;

/**
 * How far a run is, as server-sent events (HTML standard, section 9.2): `progress` whenever it changes, a comment now and
 * then, `end` when the run is over. It ends with the connection and with the server, too.
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
    // Aborted when the browser has gone, which is no error.
    await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
}
