import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BusyError, createWorkQueue, type Urgency } from "./work-queue.ts";

const limits = { concurrency: 2, maxWaiting: 3, maxWaitMs: 5_000 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A queue whose work ends when the test says so. `begun` has the names in the order in which their work began. */
function controlledQueue(queueLimits = limits) {
  const queue = createWorkQueue(queueLimits);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string, urgency: Urgency = "unknown", person?: string) =>
    queue.run(
      async () => {
        begun.push(name);
        await new Promise<void>((resolve) => ends.set(name, resolve));
        return name;
      },
      urgency,
      person,
    );
  const end = async (name: string) => {
    ends.get(name)?.();
    await settled();
  };
  return { queue, begun, start, end };
}

/** Lets everything run that waits for nothing but its turn. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("queue of passwords to hash", () => {
  it("no more work is done at once than the limit, in the order of its arrival", async () => {
    const { begun, start, end } = controlledQueue();
    const all = ["a", "b", "c", "d"].map((name) => start(name));
    await settled();
    expect(begun).toEqual(["a", "b"]);
    await end("b");
    expect(begun).toEqual(["a", "b", "c"]);
    for (const name of ["a", "c", "d"]) await end(name);
    expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
  });

  it("known people go before all unknown ones that wait", async () => {
    const { begun, start, end } = controlledQueue();
    for (const name of ["a", "b", "guess 1", "guess 2"]) void start(name);
    void start("person", "known");
    await settled();
    await end("a");
    await end("b");
    expect(begun).toEqual(["a", "b", "person", "guess 1"]);
  });

  it("unknown people who fill the queue are refused at once, and do not take the places of known ones", async () => {
    const { begun, start, end } = controlledQueue();
    for (const name of ["a", "b", "c", "d", "e"]) void start(name);
    await expect(start("one too many")).rejects.toEqual(new BusyError(5));
    void start("person", "known");
    await settled();
    await end("a");
    expect(begun).toEqual(["a", "b", "person"]);
  });

  it("work that waits too long is refused and not done, and its place is free again", async () => {
    const { begun, start, end } = controlledQueue();
    void start("a");
    void start("b");
    const late = [start("c"), start("d"), start("e")].map((work) => expect(work).rejects.toEqual(new BusyError(5)));
    vi.advanceTimersByTime(limits.maxWaitMs);
    await Promise.all(late);
    void start("f");
    await end("a");
    expect(begun).toEqual(["a", "b", "f"]);
  });

  it("a person has one piece of work done at a time, and the others are not held up by those that wait", async () => {
    const { begun, start, end } = controlledQueue();
    for (const name of ["mine 1", "mine 2", "mine 3"]) void start(name, "known", "me");
    await settled();
    expect(begun).toEqual(["mine 1"]);
    void start("yours 1", "known", "you");
    void start("yours 2", "known", "you");
    await settled();
    await end("yours 1");
    expect(begun).toEqual(["mine 1", "yours 1", "yours 2"]);
    await end("mine 1");
    await end("mine 2");
    expect(begun).toEqual(["mine 1", "yours 1", "yours 2", "mine 2", "mine 3"]);
  });

  it("of one person's work five pieces wait at most, and the places of others are free", async () => {
    const { start } = controlledQueue({ ...limits, maxWaiting: 50 });
    for (let index = 0; index < 6; index++) void start(`mine ${index}`, "known", "me");
    await expect(start("mine too many", "known", "me")).rejects.toEqual(new BusyError(5));
    void start("yours", "known", "you");
  });

  it("a place that is free is given to one piece of work only, however many wait", async () => {
    const { begun, start, end } = controlledQueue();
    for (const name of ["a", "b", "c", "d", "e"]) void start(name);
    await settled();
    for (const name of ["a", "b"]) await end(name);
    expect(begun).toEqual(["a", "b", "c", "d"]);
  });

  it("work that fails gives its place to the next one", async () => {
    const { queue, begun, start, end } = controlledQueue();
    const failing = [1, 2].map(() => queue.run(() => Promise.reject(new Error("no luck")), "unknown"));
    for (const work of failing) await expect(work).rejects.toThrow("no luck");
    for (const name of ["a", "b", "c"]) void start(name);
    await settled();
    expect(begun).toEqual(["a", "b"]);
    await end("a");
    expect(begun).toEqual(["a", "b", "c"]);
  });
});
