const LOST_AFTER_MS = 30_000;

/**
 * Limits the time that callers wait for `ask`. Concurrent callers share one pending request, so that the probes of
 * several monitors cannot pile up statements on a hung server. After 30 seconds a pending request counts as lost (a
 * connection to a host that is gone) and the next caller starts another. Answers and errors are not cached.
 *
 * @returns a function that asks; it rejects with the error of `ask`, or when there is no answer within `limitMs`
 */
export function withTimeout<T>(ask: () => Promise<T>, limitMs: number): () => Promise<T> {
  let open: { readonly answer: Promise<T>; readonly askedAt: number } | null = null;
  const put = () => {
    const question = { answer: ask(), askedAt: performance.now() };
    const close = () => {
      if (open === question) open = null;
    };
    // Callers that still wait get the rejection from `within`. If none waits any more, it must not count as unhandled.
    question.answer.then(close, close);
    return question;
  };
  return () => {
    if (!open || performance.now() - open.askedAt > LOST_AFTER_MS) open = put();
    return within(open.answer, limitMs);
  };
}

function within<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`no answer within ${limitMs} ms`));
    const timer = setTimeout(giveUp, limitMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
