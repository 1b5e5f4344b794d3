const ROWS_PER_PAGE = 2_000;

/**
 * Yields the rows of a list, read page by page.
 *
 * @param read returns at most `limit` rows: those that follow the row `after`, or the first ones without it
 * @param limit maximum number of rows; all by default
 */
export async function* pages<R>(
  read: (page: { after?: R; limit: number }) => Promise<readonly R[]>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<R> {
  let left = limit;
  let after: R | undefined;
  while (left > 0) {
    const rows = await read({ ...(after ? { after } : {}), limit: Math.min(left, ROWS_PER_PAGE) });
    yield* rows;
    after = rows.at(-1);
    if (rows.length < ROWS_PER_PAGE) return;
    left -= rows.length;
  }
}
