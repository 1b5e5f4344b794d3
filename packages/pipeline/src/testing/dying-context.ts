import type { Context } from "../index.ts";

const WRITES = /\b(insert\s+into|update\s+\w+|delete\s+from)\b/i;

/**
 * A context whose process dies after some writes: each further write, to the database or the queue, is refused. So a test can
 * stop a step between any two of its writes.
 */
export function dyingContext(ctx: Context, writes: number): Context {
  let left = writes;
  const refuse = async () => {
    throw new Error("the process has died");
  };
  const alive = () => {
    left -= 1;
    return left >= 0;
  };
  const ifAlive = (target: object, name: string | symbol, isWrite: (args: unknown[]) => boolean) => {
    const value: unknown = Reflect.get(target, name);
    if (typeof value !== "function") return value;
    return (...args: unknown[]) =>
      isWrite(args) && !alive() ? refuse() : (Reflect.apply(value, target, args) as unknown);
  };
  const client = (target: object) =>
    new Proxy(target, { get: (object, name) => ifAlive(object, name, ([first]) => WRITES.test(textOf(first))) });
  const db = new Proxy(ctx.db, {
    get: (object, name) =>
      name === "$client" ? client(Reflect.get(object, name) as object) : (Reflect.get(object, name) as unknown),
  });
  const queues = new Proxy(ctx.queues, {
    get: (object, name) => (name === "bullmq" ? object.bullmq : ifAlive(object, name, () => true)),
  });
  return { ...ctx, db, queues };
}

/** The text of a statement as a driver gets it: alone, or as a field of its options. */
function textOf(statement: unknown): string {
  if (typeof statement === "string") return statement;
  const text = (statement as { text?: unknown } | undefined)?.text;
  return typeof text === "string" ? text : "";
}
