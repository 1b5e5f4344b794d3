import { advanceFanOut, countOpenDecisions, getRun, openDecisionsPage, type PaymentRun } from "@cpa-payouts/db";
import type { Snooze } from "@cpa-payouts/jobs";
import { activationEnd, type Context } from "./context.ts";

/**
 * How long to let the workers draw down when the high-water mark is reached. Half a second of a fast worker is a quarter
 * of the default mark, so that nobody runs dry; and counting what is open takes tens of milliseconds in a run of a
 * million, where the index is full of decisions just settled.
 */
const HIGH_WATER_SNOOZE_MS = 500;

/**
 * Queues one `create-invoice` job per open decision, in pages by key, never more at a time than the high-water mark.
 * The cursor is stored behind each page: a crash before it queues that page again, which the jobs' ids or, at the
 * latest, `create-invoice` itself make harmless; so are two fan-outs of the same run at once.
 *
 * @returns how many jobs this call queued, or a snooze when there are more
 */
export async function fanOut(ctx: Context, { runId }: { runId: number }): Promise<{ queued: number } | Snooze> {
  const isOver = activationEnd();
  let queued = 0;
  for (;;) {
    const run = await getRun(ctx.db, runId);
    if (run.state !== "fanning-out") break;
    const room = ctx.pace.highWaterMark - (await countOpenDecisions(ctx.db, runId, run.fanOutCursor));
    if (room <= 0) return { snoozeMs: HIGH_WATER_SNOOZE_MS };
    queued += await queuePages(ctx, run, room, isOver);
    if (isOver()) return { snoozeMs: 0 };
  }
  ctx.log.info({ runId, queued }, "run.fanned-out");
  await ctx.queues.ensureQueued("close-run", [{ runId }]);
  return { queued };
}

/** A page of the run's open decisions; one shorter than its limit is the last. */
interface Page {
  readonly userIds: readonly number[];
  readonly isLast: boolean;
}

/**
 * Queues pages until the room is used up. Two are under way at a time: while Redis takes one, the next is read and made
 * up; one after the other they took a fifth longer. The cursor moves behind a page when it and all before it are in.
 */
async function queuePages(ctx: Context, run: PaymentRun, room: number, isOver: () => boolean): Promise<number> {
  let queued = 0;
  let before = Promise.resolve();
  for await (const page of readPages(ctx, run, room)) {
    const adding = queuePage(ctx, run, page);
    const stored = Promise.all([before, adding]).then(() => storeCursor(ctx, run, page));
    // It fails where it is awaited, one page later; until then Node must not take it for a failure that nobody handles.
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

async function queuePage({ queues }: Context, { id: runId }: PaymentRun, { userIds }: Page): Promise<void> {
  const jobs = userIds.map((userId) => ({ runId, userId }));
  await queues.enqueueAll("create-invoice", jobs);
}

async function storeCursor(ctx: Context, run: PaymentRun, { userIds, isLast }: Page): Promise<void> {
  const cursor = userIds.at(-1) ?? run.fanOutCursor;
  await advanceFanOut(ctx.db, { runId: run.id, cursor, finished: isLast, now: ctx.clock() });
}
