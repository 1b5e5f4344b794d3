import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { startPayouts } from "./payouts-process.ts";
import { stallWatch, tickClock, watched } from "./stall.ts";

/** A clock that a test sets. */
function fakeClock() {
  let now = 0;
  let stepMs = 0;
  return {
    now: () => {
      now += stepMs;
      return now;
    },
    /** From now on, more time passes between two looks than a watch allows. */
    race: () => {
      stepMs = 100_000;
    },
  };
}

/** A watch for which time flies. */
function hastyWatch(what: string) {
  const clock = fakeClock();
  clock.race();
  return stallWatch(what, undefined, clock.now);
}

const never = () => new Promise<never>(() => {});

describe("stall watch", () => {
  it("a stall watch fails when the state is unchanged after its limit, and says what stood still and where", () => {
    const watch = hastyWatch("the run");
    watch.look({ invoices: 3n });
    const look = () => watch.look({ invoices: 3n });
    expect(look).toThrow('the run: nothing has moved for 90 s; it stands still at {"invoices":"3"}');
    expect(look).toThrow(expect.objectContaining({ stack: expect.stringContaining("stall.test.ts") }));
  });

  it("a stall watch never fails while the state changes, however long that takes", () => {
    const watch = hastyWatch("the run");
    for (let invoices = 0; invoices < 5; invoices += 1) watch.look({ invoices });
  });

  it("time in which the process of the tests was stopped does not count as a standstill", async () => {
    const clock = tickClock(20);
    // A blocked process has no ticks, as a stopped one.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
    await eventually(() => clock() > 0);
    expect(clock()).toBeLessThan(1_000);
  });
});

describe("watched scenario", () => {
  it("the result and the error of a watched scenario are passed on", async () => {
    expect(
      await watched(
        "nothing",
        () => null,
        async () => 42,
      ),
    ).toBe(42);
    const failing = watched(
      "nothing",
      () => null,
      () => Promise.reject(new Error("no")),
    );
    await expect(failing).rejects.toThrow("no");
  });

  it.concurrent("a watched scenario ends when it stands still, and its signal is aborted", async ({ expect }) => {
    let signal: AbortSignal | undefined;
    const hanging = (over: AbortSignal) => {
      signal = over;
      return never();
    };
    const watching = watched("", () => "page 7", hanging, hastyWatch("the run"));
    await expect(watching).rejects.toThrow("the run: nothing has moved for 90 s; it stands still at page 7");
    expect(signal?.aborted).toBe(true);
  });

  it.concurrent("a watched scenario ends when neither it nor the look at its state goes on", async ({ expect }) => {
    await expect(watched("", never, never, hastyWatch("the run"))).rejects.toThrow("the first look has no answer");
  });
});

describe("eventually", () => {
  it("a wait for a state returns what its check has found", async () => {
    let looks = 0;
    expect(await eventually(() => (++looks === 3 ? looks : null))).toBe(3);
  });

  it.concurrent("a wait for a state ends when its check finds nothing or hangs", async ({ expect }) => {
    for (const look of [() => null, never]) {
      const waiting = eventually(look, undefined, hastyWatch("waited for a row"));
      await expect(waiting).rejects.toThrow("waited for a row: nothing has moved for 90 s");
    }
  });
});

describe("waits for a process", () => {
  const program = ["-e", 'process.on("SIGTERM", () => {}); console.error("I am ready"); setInterval(() => {}, 1_000)'];

  it.concurrent.each([
    ["say", (process: ReturnType<typeof startPayouts>) => process.untilSays("done"), 'say "done"'],
    ["end", (process: ReturnType<typeof startPayouts>) => process.ended(), "end"],
    ["stop", (process: ReturnType<typeof startPayouts>) => process.stop(), "end after SIGTERM"],
  ])(
    "the wait for a process to %s ends when it writes nothing, and shows the end of its output",
    async (_, wait, what) => {
      const clock = fakeClock();
      const process = startPayouts(["worker"], {}, program, (text) => stallWatch(text, undefined, clock.now));
      await process.untilSays("I am ready");
      clock.race();
      const message = `payouts worker, which is to ${what}: nothing has moved for 90 s; it stands still at 11 characters of output; stdout ends with "", stderr with "I am ready"`;
      await expect(wait(process)).rejects.toThrow(message);
      const gone = once(process.child, "exit");
      process.child.kill("SIGKILL");
      await gone;
    },
  );

  it("the wait for a silent process goes on while what it works on moves", async () => {
    const clock = fakeClock();
    clock.race();
    let looks = 0;
    const silent = startPayouts([], {}, ["-e", "setInterval(() => {}, 1_000)"], (text) =>
      stallWatch(text, undefined, clock.now),
    );
    const ended = silent.ended(async () => {
      looks += 1;
      if (looks === 3) silent.child.kill("SIGKILL");
      return looks;
    });
    expect(await ended).toBeNull();
  });
});
