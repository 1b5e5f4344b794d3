/**
 * Caches the result of `ask` for `forMs` milliseconds of real time, counted from the call. Concurrent callers share one
 * call. Errors are not cached.
 */
export function cached<T>(ask: () => Promise<T>, forMs: number): () => Promise<T> {
  let last: { readonly answer: Promise<T>; readonly until: number } | null = null;
  return () => {
    if (last && performance.now() < last.until) return last.answer;
    const answer = ask();
    const present = { answer, until: performance.now() + forMs };
    last = present;
    answer.catch(() => {
      if (last === present) last = null;
    });
    return answer;
  };
}
