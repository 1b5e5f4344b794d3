import type { Context } from "../index.ts";

const WRITES = /\b(insert\s+into|update\s+\w+|delete\s+from)\b/i;

/**
 * A context whose process dies after some writes: each further write, to the database or the queue, is refused. So a test can
 * stop a step between any two of its writes.
 */
export function dyingContext(ctx: Context, writes: number): Context {
  return waitingAfterWrites(ctx, writes, async () => {
    throw new Error("the process has died");
  });
}

/** A context that waits for `pause` before each write to the database or the queue after the first ones. */
export function waitingAfterWrites(ctx: Context, writes: number, pause: () => Promise<void>): Context {
  let left = writes;
  const isEarly = () => {
    left -= 1;
    return left >= 0;
  };
  const withPause = (target: object, name: string | symbol, isWrite: (args: unknown[]) => boolean) => {
    const value: unknown = Reflect.get(target, name);
    if (typeof value !== "function") return value;
    return (...args: unknown[]) => {
      const apply = () => Reflect.apply(value, target, args) as unknown;
      return isWrite(args) && !isEarly() ? pause().then(apply) : apply();
    };
  };
  const client = (target: object) =>
    new Proxy(target, { get: (object, name) => withPause(object, name, ([first]) => WRITES.test(textOf(first))) });
  const db = new Proxy(ctx.db, {
    get: (object, name) =>
      name === "$client" ? client(Reflect.get(object, name) as object) : (Reflect.get(object, name) as unknown),
  });
  const queues = new Proxy(ctx.queues, {
    get: (object, name) => (name === "bullmq" ? object.bullmq : withPause(object, name, () => true)),
  });
  return { ...ctx, db, queues };
}

/** The text of a statement as a driver gets it: alone, or as a field of its options. */
function textOf(statement: unknown): string {
  if (typeof statement === "string") return statement;
  const text = (statement as { text?: unknown } | undefined)?.text;
  return typeof text === "string" ? text : "";
}
