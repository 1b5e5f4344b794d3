import type pg from "pg";
import { describe, expect, it } from "vitest";
import { isConnectionError } from "../errors.ts";
import { ask } from "./ask.ts";

/** A connection whose driver returns the given results, whatever the server sent. */
function connectionWith(results: object | object[]) {
  const sent: { values?: unknown[] }[] = [];
  const query = async (statement: object) => {
    sent.push(statement);
    return results;
  };
  return { sent, connection: { query } as unknown as Pick<pg.ClientBase, "query"> };
}

const fields = [{ name: "n" }];
const select = { text: "select n from t" };

describe("the number of rows in an answer", () => {
  it.each([
    ["fewer rows than the server sent", { rows: [], rowCount: 2, fields }],
    ["more rows than the server sent", { rows: [undefined, undefined, { n: 42 }], rowCount: 1, fields }],
    ["rows, although the server sent none", { rows: [{}], rowCount: 0, fields: [] }],
    [
      "fewer rows in the second of two statements",
      [
        { rows: [], rowCount: 0, fields },
        { rows: [], rowCount: 1, fields },
      ],
    ],
  ])("an answer with %s is an error of the connection", async (_what, result) => {
    const answer = ask(connectionWith(result).connection, select);
    await expect(answer).rejects.toThrow(/^the database sent \d rows and \d arrived; the connection is closed/);
    expect(isConnectionError(await answer.catch((error: unknown) => error))).toBe(true);
  });

  it.each([
    ["as many rows as the server sent", { rows: [{ n: 1 }, { n: 2 }], rowCount: 2, fields }],
    ["no columns", { rows: [{}, {}], rowCount: 2, fields: [] }],
    ["changed rows that are not returned", { rows: [], rowCount: 2, fields: [] }],
    ["rows that the server does not count", { rows: [{ n: 1 }], rowCount: null, fields }],
  ])("an answer with %s is believed", async (_what, result) => {
    expect(await ask(connectionWith(result).connection, select)).toBe(result);
  });
});

describe("parameters", () => {
  it("parameters are sent as texts that PostgreSQL reads without loss", async () => {
    const { sent, connection } = connectionWith({ rows: [], rowCount: 0, fields: [] });
    await ask(connection, select, ["a", 1.5, 9_007_199_254_740_993n, true, null, ['"', "b"], [1, 2n], []]);
    expect(sent).toMatchObject([
      { values: ["a", "1.5", "9007199254740993", "true", null, '{"\\"","b"}', "{1,2}", "{}"] },
    ]);
  });

  it.each([
    ["undefined", undefined],
    ["a Date", new Date()],
    ["an object", { cents: 1 }],
    ["a list with a hole", ["a", undefined]],
    ["a list with null", ["a", null]],
  ])("a statement is not sent with %s as a parameter", async (_what, value) => {
    const { sent, connection } = connectionWith({ rows: [], rowCount: 0, fields: [] });
    await expect(ask(connection, select, [value])).rejects.toThrow(
      /^a parameter of a statement is (undefined|an object)$/,
    );
    expect(sent).toEqual([]);
  });
});
