import { InputError } from "@cpa-payouts/core";
import { describe, expect, it } from "vitest";
import { positions, readCursor, toPage, writeCursor } from "./cursors.ts";

describe("cursors", () => {
  it("a cursor restores its position exactly, including cents beyond the range of a JSON number", () => {
    const position = { id: 12, cents: 9_007_199_254_740_993n };
    expect(readCursor(positions.byIdAndCents, writeCursor(position))).toEqual(position);
    const instant = { id: 3, at: new Date("2026-12-07T02:00:00.123Z") };
    expect(readCursor(positions.byInstant, writeCursor(instant))).toEqual(instant);
    expect(readCursor(positions.byId, undefined)).toBeUndefined();
  });

  it.each([
    "",
    "x",
    "%%%",
    writeCursor({ id: -1 }),
    writeCursor({ cents: 1n }),
    Buffer.from("[]").toString("base64url"),
  ])("a text that is not a cursor of the list is refused: %j", (cursor) => {
    expect(() => readCursor(positions.byId, cursor)).toThrow(InputError);
  });
});

describe("pages of a list", () => {
  const shape = { present: (row: { id: number }) => row.id * 10, position: ({ id }: { id: number }) => ({ id }) };

  it("a page has as many rows as requested and says where the next page begins", () => {
    const page = toPage([{ id: 1 }, { id: 2 }, { id: 3 }], 2, shape);
    expect(page.items).toEqual([10, 20]);
    expect(readCursor(positions.byId, page.next ?? "")).toEqual({ id: 2 });
  });

  it("a page without a further row is the last one", () => {
    expect(toPage([{ id: 1 }, { id: 2 }], 2, shape)).toEqual({ items: [10, 20], next: null });
    expect(toPage([], 2, shape)).toEqual({ items: [], next: null });
  });
});
