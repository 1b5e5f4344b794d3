import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { createOutput, type Format } from "./output.ts";

const columns = [{ key: "externalId" }, { key: "destination" }, { key: "balance", align: "right" }] as const;
const rows = [
  { externalId: "=1+1", destination: "+ann@example.com", balance: "-5.00" },
  { externalId: "＠ben", destination: null, balance: "0.00" },
];

async function written(format: Format, options: { isRaw: boolean }): Promise<string> {
  const stdout = new PassThrough();
  await createOutput(stdout, format, options).list(columns, rows);
  stdout.end();
  return text(stdout);
}

describe("lists in CSV", () => {
  it("every text is made harmless to spreadsheets, and amounts stay numbers", async () => {
    expect(await written("csv", { isRaw: false })).toBe(
      "external_id,destination,balance\n'=1+1,'+ann@example.com,-5.00\n'＠ben,,0.00\n",
    );
  });

  it("raw CSV has every text as it is stored", async () => {
    expect(await written("csv", { isRaw: true })).toBe(
      "external_id,destination,balance\n=1+1,+ann@example.com,-5.00\n＠ben,,0.00\n",
    );
  });
});
