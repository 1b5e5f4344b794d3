import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { getRun, type PaymentRun } from "@cpa-payouts/db";
import { progressMeter, type RunProgress } from "@cpa-payouts/pipeline";
import type { FastifyRequest } from "fastify";
import { isStillAdmitted } from "./access/callers.ts";
import type { Api } from "./api.ts";
import type { Call } from "./calls.ts";

const INTERVAL_MS = 1_000;
/** Proxies close a connection that is silent for about a minute. */
const SILENCE_MS = 15_000;

/**
 * The progress of a run as server-sent events (HTML standard, section 9.2): `progress` at every change, a comment when
 * nothing has been sent for 15 seconds, `end` when the run is completed or cancelled. The stream also ends when the client
 * disconnects, when its session or token ends, or when the server closes.
 *
 * @throws ApiProblem 429 when the caller has too many streams open
 */
export function progressEvents(api: Api, run: PaymentRun, { request, audit }: Follower): Readable {
  const uncount = api.countStream(audit.actor);
  const { raw, server } = request;
  const gone = new AbortController();
  raw.once("close", () => gone.abort());
  const polls = poll(api, { run, request, signal: AbortSignal.any([gone.signal, server.closing]) });
  return Readable.from(toEvents(polls)).once("close", uncount);
}

type Follower = Pick<Call<"followRun">, "request" | "audit">;

async function* poll(
  api: Api,
  { run, request, signal }: { run: PaymentRun; request: FastifyRequest; signal: AbortSignal },
): AsyncGenerator<RunProgress> {
  const { ctx } = api;
  const runId = run.id;
  const progressOf = progressMeter(ctx);
  while (!signal.aborted && (await isStillAdmitted(api, request))) {
    yield await progressOf(await getRun(ctx.db, runId));
    // An abort (the client has disconnected, or the server closes) is not an error.
    await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
}

/** Turns the progress of each poll into the text to send, if any. */
export async function* toEvents(polls: AsyncIterable<RunProgress>): AsyncGenerator<string> {
  let sent = "";
  let silentSince = performance.now();
  for await (const progress of polls) {
    const data = JSON.stringify(progress);
    const isChanged = data !== sent;
    const isSilent = performance.now() - silentSince >= SILENCE_MS;
    if (isChanged) yield `event: progress\ndata: ${data}\n\n`;
    else if (isSilent) yield ": still here\n\n";
    if (progress.state === "completed" || progress.state === "cancelled") {
      yield `event: end\ndata: ${data}\n\n`;
      return;
    }
    if (isChanged || isSilent) silentSince = performance.now();
    sent = data;
  }
}
