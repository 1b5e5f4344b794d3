import { describe, expect, it } from "vitest";
import { createTurns } from "./turns.ts";

/** Takes a turn and notes its number when it gets it. */
function caller(turns: ReturnType<typeof createTurns>) {
  const started: number[] = [];
  return { started, call: (number: number) => turns.take().then(() => started.push(number)) };
}

/** Lets everything happen that needs no further event. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("turns", () => {
  it("no more calls run at a time than there are connections, and the others run in the order of their arrival", async () => {
    const turns = createTurns(2);
    const { started, call } = caller(turns);
    const calls = [1, 2, 3, 4].map(call);
    await settled();
    expect(started).toEqual([1, 2]);
    turns.giveBack();
    await settled();
    expect(started).toEqual([1, 2, 3]);
    turns.giveBack();
    await Promise.all(calls);
    expect(started).toEqual([1, 2, 3, 4]);
  });

  it("calls that wait can be refused, without harm to those that run and those that come later", async () => {
    const turns = createTurns(1);
    const { started, call } = caller(turns);
    await call(1);
    const waiting = [2, 3].map(call);
    turns.refuseWaiting(new Error("no connection"));
    expect(await Promise.allSettled(waiting)).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
    const later = call(4);
    turns.giveBack();
    await later;
    expect(started).toEqual([1, 4]);
  });

  it("closed turns refuse new calls, and are idle when those before have run", async () => {
    const turns = createTurns(1);
    const { started, call } = caller(turns);
    await call(1);
    const waiting = call(2);
    turns.close(new Error("closed"));
    await expect(call(3)).rejects.toThrow("closed");
    let isIdle = false;
    const idle = turns.untilIdle().then(() => {
      isIdle = true;
    });
    turns.giveBack();
    await waiting;
    expect([started, isIdle]).toEqual([[1, 2], false]);
    turns.giveBack();
    await idle;
    await turns.untilIdle();
  });
});
