import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createProgress } from "./progress.ts";

function stderr(isTTY: boolean) {
  let text = "";
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  const terminal = { isTTY, columns: 120, cursorTo: () => true, clearLine: () => true, moveCursor: () => true };
  return { stream: Object.assign(stream, terminal), text: () => text };
}

describe("progress", () => {
  it.each([
    ["on a terminal", true, /deciding .* 100% · 400\/400/],
    ["elsewhere", false, /^deciding: 400 of 400$/m],
  ])("a phase that is followed by another one ends complete, %s", (_name, isTTY, complete) => {
    const { stream, text } = stderr(isTTY);
    const progress = createProgress(stream);
    progress.show("deciding", 0, 400);
    progress.show("creating invoices", 10, 390);
    progress.stop();
    expect(text()).toMatch(complete);
  });

  it.each([
    ["on a terminal", true, /creating invoices .* 50% · 195\/390/],
    ["elsewhere", false, /^creating invoices: 195 of 390$/m],
  ])("a phase that is stopped ends where it was, %s", (_name, isTTY, where) => {
    const { stream, text } = stderr(isTTY);
    const progress = createProgress(stream);
    progress.show("creating invoices", 195, 390);
    progress.stop();
    expect(text()).toMatch(where);
    expect(text()).not.toMatch(/100%|390 of 390/);
  });
});
