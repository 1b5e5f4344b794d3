/**
 * Asks a question that is dear to answer at most once in a while; whoever asks in between gets the last answer, and whoever
 * asks while it is out waits for the same one. An error is not kept.
 *
 * @param forMs for how long an answer holds, in real time
 */
export function remembered<T>(ask: () => Promise<T>, forMs: number): () => Promise<T> {
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
