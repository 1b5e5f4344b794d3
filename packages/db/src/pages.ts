const ROWS_PER_PAGE = 2_000;

/** Reads a list page by page; each begins behind the last row of the one before. */
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
