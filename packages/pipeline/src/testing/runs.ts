import { findRun } from "@cpa-payouts/db";
import { closeRun, createInvoiceBatch, decide, fanOut } from "../index.ts";
import type { TestFlow } from "./flow.ts";

/** Does what the workers do with the run of a date, without a worker: decides, invoices everybody who is open, and closes it. */
export async function finishRun({ ctx, database }: TestFlow, date: string): Promise<void> {
  const run = await findRun(ctx.db, date);
  if (!run) throw new Error(`there is no run of ${date}`);
  const { id: runId } = run;
  await decide(ctx, { runId });
  await fanOut(ctx, { runId });
  const open = await database.sql<{ user_id: bigint }[]>`
    select user_id from run_decisions where run_id = ${runId} and outcome = 'open'`;
  await createInvoiceBatch(
    ctx,
    open.map(({ user_id }) => ({ runId, userId: Number(user_id) })),
  );
  const result = await closeRun(ctx, { runId });
  if (!("closed" in result && result.closed)) throw new Error(`the run of ${date} was not closed`);
}

/** The runs in the order of their opening, such as `2026-12-07 schedule deciding`. */
export async function listTestRuns({ database }: TestFlow): Promise<string[]> {
  const rows = await database.sql<{ run: string }[]>`
    select payment_date || ' ' || trigger || ' ' || state as run from payment_runs order by id`;
  return rows.map(({ run }) => run);
}
