import { isCancelled } from "@cpa-payouts/core";
import { advanceFanOut, countOpenDecisions, getRun, openDecisionsPage, type PaymentRun } from "@cpa-payouts/db";
import type { Snooze } from "@cpa-payouts/jobs";
import { activationEnd, type Context } from "./context.ts";

/**
 * How long the fan-out waits for the workers at the high-water mark. A fast worker settles a quarter of the default
 * mark in half a second, so no worker runs out of jobs. A shorter wait would count the open decisions more often, which
 * takes tens of milliseconds in a run of a million users, where the index is full of decisions just settled.
 */
const HIGH_WATER_SNOOZE_MS = 500;

/**
 * Queues one `create-invoice` job per open decision, in pages by user id, and keeps the number of queued jobs within
 * the high-water mark. A retry, or the tick when many jobs were lost, sends the fan-out back to an earlier user. The cursor
 * is stored after each page; after a crash before that, the page is queued again. This
 * is harmless, and so are concurrent fan-outs of one run: the queue ignores jobs whose ids it has, and `create-invoice`
 * ignores settled decisions.
 *
 * @returns how many jobs this call queued, or a snooze when there are more
 */
export async function fanOut(ctx: Context, { runId }: { runId: number }): Promise<{ queued: number } | Snooze> {
  const isOver = activationEnd();
  let queued = 0;
  for (;;) {
    const run = await getRun(ctx.db, runId);
    if (run.state !== "fanning-out") return finish(ctx, run, queued);
    const room = ctx.pace.highWaterMark - (await countOpenDecisions(ctx.db, runId, run.fanOutCursor));
    if (room <= 0) return { snoozeMs: HIGH_WATER_SNOOZE_MS };
    queued += await queuePages(ctx, run, room, isOver);
    if (isOver()) return { snoozeMs: 0 };
  }
}

/** Hands over to the closing of the run, which also takes a cancelled run further. */
async function finish(ctx: Context, { id: runId, state }: PaymentRun, queued: number): Promise<{ queued: number }> {
  if (!isCancelled(state)) ctx.log.info({ runId, queued }, "run.fanned-out");
  await ctx.queues.ensureQueued("close-run", [{ runId }]);
  return { queued };
}

/** A page of the run's open decisions; one shorter than its limit is the last. */
interface Page {
  readonly userIds: readonly number[];
  readonly isLast: boolean;
}

/**
 * Queues pages until the room is used up or the time is over. Two pages are under way at a time: while Redis takes one,
 * the next is read and prepared; one page at a time took a fifth longer. The cursor moves past a page once that page
 * and all pages before it are queued.
 */
async function queuePages(ctx: Context, run: PaymentRun, room: number, isOver: () => boolean): Promise<number> {
  let queued = 0;
  let before = Promise.resolve();
  for await (const page of readPages(ctx, run, room)) {
    const adding = queuePage(ctx, run, page);
    const stored = Promise.all([before, adding]).then(() => storeCursor(ctx, run, page));
    // A rejection is handled where it is awaited, one page later. Until then Node must not report it as unhandled.
    stored.catch(() => {});
    await before;
    before = stored;
    queued += page.userIds.length;
    if (isOver()) break;
  }
  await before;
  return queued;
}

async function* readPages(ctx: Context, run: PaymentRun, room: number): AsyncGenerator<Page> {
  let left = room;
  let afterUserId = run.fanOutCursor;
  while (left > 0) {
    const limit = Math.min(left, ctx.pace.fanOutPage);
    const userIds = await openDecisionsPage(ctx.db, { runId: run.id, afterUserId, limit });
    const isLast = userIds.length < limit;
    yield { userIds, isLast };
    if (isLast) break;
    left -= userIds.length;
    afterUserId = userIds.at(-1) ?? afterUserId;
  }
}

/**
 * The first time, no job of these users can be in the queue. When the fan-out was sent back, the queue may keep their finished
 * jobs, and these must be removed first.
 */
async function queuePage(
  { queues }: Context,
  { id: runId, fanOutRound }: PaymentRun,
  { userIds }: Page,
): Promise<void> {
  const jobs = userIds.map((userId) => ({ runId, userId }));
  if (fanOutRound === 0) await queues.enqueueAll("create-invoice", jobs);
  else await queues.ensureQueued("create-invoice", jobs);
}

async function storeCursor(ctx: Context, run: PaymentRun, { userIds, isLast }: Page): Promise<void> {
  const cursor = userIds.at(-1) ?? run.fanOutCursor;
  const { id: runId, fanOutRound } = run;
  await advanceFanOut(ctx.db, { runId, fanOutRound, cursor, finished: isLast, now: ctx.clock() });
}
