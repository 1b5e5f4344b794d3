import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { dollars, InputError, newExternalIdProblem, OperationError, retryWithBackoff } from "@cpa-payouts/core";
import {
  analyzeImported,
  analyzeImportRows,
  describeError,
  discardImport,
  discardImportsBefore,
  dropDoubledRows,
  dropRowsAboveLimit,
  findDoubledRows,
  findRowsAboveLimit,
  type ImportCounts,
  type ImportRow,
  isConflict,
  listKnownExternalIds,
  mergeImport,
  type RowAboveLimit,
  stageImportRows,
} from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";
import { type LineProblem, readImportFile } from "./read-import-file.ts";

export interface ImportOptions {
  readonly source: Readable;
  /** Import the good rows and leave the bad ones out, instead of importing nothing. */
  readonly skipBad: boolean;
  /** Apply the statuses of the file to users whose status was set by hand, too. */
  readonly overrideStatus: boolean;
  readonly actor: string;
  /** Called for every problem when it is found: the messages of a million bad rows are never in memory at once. */
  readonly onProblem: (problem: LineProblem) => void;
  /**
   * Called with the number of rows read so far; `merging` is true once the file is read and the users are being
   * written.
   */
  readonly onProgress: (progress: { rows: number; merging: boolean }) => void;
}

export interface ImportResult extends ImportCounts {
  readonly rows: number;
  readonly badRows: number;
}

const STAGED_AT_A_TIME = 2_000;
const DAY_MS = 86_400_000;

/**
 * Adds and updates users from a CSV stream. The good rows are staged in a table first; one statement then writes all of
 * them. A file is imported whole or not at all, even when the process or the database dies in the middle.
 *
 * @throws InputError when rows are bad and `skipBad` is not set, or when the file cannot be split into rows;
 *   OperationError when others kept changing the same users. Nothing is written in either case.
 */
export async function importUsers(ctx: DataContext, options: ImportOptions): Promise<ImportResult> {
  const importId = randomUUID();
  const now = ctx.clock();
  await discardImportsBefore(ctx.db, new Date(now.getTime() - DAY_MS));
  try {
    const { rows, badRows } = await stageFile(ctx, importId, options);
    if (badRows > 0 && !options.skipBad)
      throw new InputError(
        `${badRows} of ${rows} rows are bad; nothing was imported (fix them, or leave them out with --skip-bad)`,
      );
    options.onProgress({ rows, merging: true });
    await analyzeImportRows(ctx.db);
    const { status: _status, ...counts } = await merge(ctx, importId, options);
    await analyzeImported(ctx.db);
    ctx.log.info({ importId, rows, badRows, ...counts }, "users.imported");
    return { rows, badRows, ...counts };
  } finally {
    await discardImport(ctx.db, importId);
  }
}

/** The merge decides anew at each attempt, from the users as they are then. */
const MERGE_PATIENCE = { attempts: 5, pauseMs: 100, isWorthRetrying: isConflict };

/**
 * Merges the staged rows. A change of the same users at the same moment, such as a review of a payment method or another
 * import, may make the statement fail without any effect; it is then tried again.
 *
 * @throws OperationError when every attempt met with such a change
 */
async function merge(ctx: DataContext, importId: string, { actor, overrideStatus }: ImportOptions) {
  const input = { importId, actor, overrideStatus, now: ctx.clock() };
  try {
    const outcome = await retryWithBackoff(() => mergeImport(ctx.db, input), MERGE_PATIENCE);
    if (outcome.status === "merged") return outcome;
  } catch (cause) {
    if (!isConflict(cause)) throw cause;
    throw new OperationError(
      `nothing was imported: each of ${MERGE_PATIENCE.attempts} attempts met with another change of the same users ` +
        `(${describeError(cause)}); import the file again`,
      { cause },
    );
  }
  throw new OperationError("the limits of amounts were lowered during the import; nothing was imported, try again");
}

async function stageFile(ctx: DataContext, importId: string, options: ImportOptions) {
  const badLines = new Set<number>();
  const report = (problem: LineProblem) => {
    badLines.add(problem.line);
    options.onProblem(problem);
  };
  let good = 0;
  let batch: ImportRow[] = [];
  const flush = async () => {
    const rows = await leaveOutBadIds(ctx, batch, report);
    await stageImportRows(ctx.db, importId, rows, ctx.clock());
    good += rows.length;
    batch = [];
    options.onProgress({ rows: good + badLines.size, merging: false });
  };
  for await (const row of readImportFile(options.source, report)) {
    batch.push(row);
    if (batch.length >= STAGED_AT_A_TIME) await flush();
  }
  await flush();
  const doubled = await findDoubledRows(ctx.db, importId);
  for (const { line, externalId, firstLine } of doubled)
    report({ line, message: `external_id: "${externalId}" is on line ${firstLine} already` });
  if (doubled.length > 0) await dropDoubledRows(ctx.db, importId);
  const aboveLimit = await leaveOutAboveLimit(ctx, importId, report);
  return { rows: good + badLines.size - doubled.length - aboveLimit, badRows: badLines.size };
}

/** Reports the rows that would add a user with an id that no new user may have. Users who have such an id keep it. */
async function leaveOutBadIds(
  { db }: DataContext,
  rows: readonly ImportRow[],
  report: (problem: LineProblem) => void,
): Promise<readonly ImportRow[]> {
  const bad = rows.flatMap(({ line, externalId }) => {
    const problem = newExternalIdProblem(externalId);
    return problem ? [{ line, externalId, message: `external_id: ${problem}` }] : [];
  });
  if (bad.length === 0) return rows;
  const ids = bad.map(({ externalId }) => externalId);
  const known = new Set(await listKnownExternalIds(db, ids));
  const refused = bad.filter(({ externalId }) => !known.has(externalId));
  for (const { line, message } of refused) report({ line, message });
  const refusedLines = new Set(refused.map(({ line }) => line));
  return rows.filter(({ line }) => !refusedLines.has(line));
}

/** Reports the rows with an opening balance above a limit, a page at a time, then drops them. Returns their number. */
async function leaveOutAboveLimit(
  { db }: DataContext,
  importId: string,
  report: (problem: LineProblem) => void,
): Promise<number> {
  let afterLine = 0;
  let found = 0;
  for (;;) {
    const rows = await findRowsAboveLimit(db, importId, { afterLine, limit: STAGED_AT_A_TIME });
    for (const row of rows) report({ line: row.line, message: describeAboveLimit(row) });
    found += rows.length;
    afterLine = rows.at(-1)?.line ?? afterLine;
    if (rows.length < STAGED_AT_A_TIME) break;
  }
  if (found > 0) await dropRowsAboveLimit(db, importId);
  return found;
}

function describeAboveLimit({ balanceCents, largestEntryCents, largestBalanceCents }: RowAboveLimit): string {
  const limit =
    balanceCents > largestEntryCents
      ? `the largest entry, ${dollars(largestEntryCents)}`
      : `the largest balance, ${dollars(largestBalanceCents)}`;
  return `balance: ${dollars(balanceCents)} exceeds ${limit}; an administrator may change the setting`;
}
