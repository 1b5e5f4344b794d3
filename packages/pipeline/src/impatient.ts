const LOST_AFTER_MS = 30_000;

/**
 * Asks a question with a time limit. While an answer is out, whoever asks waits for the same one: a server that hangs is
 * asked every few seconds by every monitor there is, and would be left with a pile of open statements. After half a minute
 * the question counts as lost (a connection to a host that is gone) and is put again.
 *
 * @returns a function that asks; it rejects when there is no answer within the limit
 */
export function impatient<T>(ask: () => Promise<T>, limitMs: number): () => Promise<T> {
  let open: { readonly answer: Promise<T>; readonly askedAt: number } | null = null;
  const put = () => {
    const question = { answer: ask(), askedAt: performance.now() };
    const close = () => {
      if (open === question) open = null;
    };
    // Whoever still waits is told of a failure below; nobody may be left.
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
