const LOST_AFTER_MS = 30_000;

/**
 * Limits the time that callers wait for `send`. Concurrent callers share one pending request, so that the probes of
 * several monitors cannot pile up statements on a hung server. After 30 seconds a pending request counts as lost (a
 * connection to a host that is gone) and the next caller sends another. Responses and errors are not cached.
 *
 * @returns a function that sends a request or joins the pending one; it rejects with the error of `send`, or when there is
 *   no response within `limitMs`
 */
export function withTimeout<T>(send: () => Promise<T>, limitMs: number): () => Promise<T> {
  let pending: { readonly response: Promise<T>; readonly sentAt: number } | null = null;
  const start = () => {
    const request = { response: send(), sentAt: performance.now() };
    const close = () => {
      if (pending === request) pending = null;
    };
    // Callers that still wait get the rejection from `within`. If none waits any more, it must not count as unhandled.
    request.response.then(close, close);
    return request;
  };
  return () => {
    if (!pending || performance.now() - pending.sentAt > LOST_AFTER_MS) pending = start();
    return within(pending.response, limitMs);
  };
}

function within<T>(response: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`no answer within ${limitMs} ms`));
    const timer = setTimeout(giveUp, limitMs);
    response.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
