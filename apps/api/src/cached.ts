/** Caches `load` for `ttlMs`; concurrent callers share one call; errors are not cached. */
export function cached<T>(load: () => Promise<T>, ttlMs: number): () => Promise<T> {
  let last: { readonly value: Promise<T>; readonly until: number } | null = null;
  return () => {
    if (last && performance.now() < last.until) return last.value;
    const loading = { value: load(), until: performance.now() + ttlMs };
    last = loading;
    loading.value.catch(() => {
      if (last === loading) last = null;
    });
    return loading.value;
  };
}
