import { describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { stallWatch, watched } from "./stall.ts";

describe("stall watch", () => {
  it("a stall watch fails when the state is unchanged after its limit, and says what stood still and where", async () => {
    const watch = stallWatch("the run", 0);
    watch.look({ invoices: 3n });
    await new Promise((resolve) => setTimeout(resolve, 2));
    const look = () => watch.look({ invoices: 3n });
    expect(look).toThrow('the run: nothing has moved for 0 s; it stands still at {"invoices":"3"}');
    expect(look).toThrow(expect.objectContaining({ stack: expect.stringContaining("stall.test.ts") }));
  });

  it("a stall watch never fails while the state changes, however long that takes", async () => {
    const watch = stallWatch("the run", 0);
    for (let invoices = 0; invoices < 5; invoices += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      watch.look({ invoices });
    }
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
});

describe("eventually", () => {
  it("a wait for a state returns what its check has found", async () => {
    let looks = 0;
    expect(await eventually(() => (++looks === 3 ? looks : null))).toBe(3);
  });
});
