import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db } from "./client.ts";
import {
  arrayOf,
  type Columns,
  cents,
  date,
  flag,
  id,
  instant,
  integer,
  json,
  nullable,
  oneOf,
  rowDecoder,
  text,
} from "./decoders.ts";
import { execute, rowOf, rowsOf } from "./sql.ts";
import { type TestDatabase, testDatabase } from "./testing/index.ts";

describe("a row of a statement", () => {
  let database: TestDatabase;
  let db: Db;

  beforeAll(async () => {
    database = await testDatabase();
    db = database.db;
  });

  afterAll(() => database.close());

  it("a row has names in camel case and values of the types used in code", async () => {
    const row = await rowOf(
      db,
      {
        userId: id,
        amountCents: cents,
        invoiceCount: integer,
        isOpen: flag,
        externalId: text,
        status: oneOf(["paid", "pending"]),
        createdAt: instant,
        paymentDate: date,
        note: nullable(text),
        after: json,
        scopes: arrayOf(text),
      },
      sql`select 7::bigint as user_id, 9007199254740993::bigint as amount_cents, 3 as invoice_count, true as is_open, 'u1' as external_id,
        'paid' as status, timestamptz '2026-12-07 02:00:00.123+02' as created_at, date '2026-12-07' as payment_date,
        null::text as note, '{"a":[1]}'::jsonb as after, array['a','b'] as scopes, 'not asked for' as other`,
    );
    expect(row).toEqual({
      userId: 7,
      amountCents: 9_007_199_254_740_993n,
      invoiceCount: 3,
      isOpen: true,
      externalId: "u1",
      status: "paid",
      createdAt: new Date("2026-12-07T00:00:00.123Z"),
      paymentDate: "2026-12-07",
      note: null,
      after: { a: [1] },
      scopes: ["a", "b"],
    });
  });

  it("a statement that returns no row is refused where one is needed", async () => {
    await expect(rowOf(db, { answer: integer }, sql`select 1 as answer where false`)).rejects.toThrow(
      "returned no row",
    );
  });

  it("a statement whose columns do not matter returns the number of its rows", async () => {
    expect(await execute(db, sql`select from generate_series(1, 3)`)).toBe(3);
  });

  it("a column that the statement does not return is refused by name", async () => {
    await expect(rowsOf(db, { amountCents: cents }, sql`select 1::bigint as amount`)).rejects.toThrow(
      'the column "amount_cents" of the result is not as expected: cents was expected, the database returned no such column',
    );
  });
});

/** Goal: money and ids in particular are never read from a value of another type. */
describe("a value of another type is refused", () => {
  const cases: readonly [string, Columns[string], unknown][] = [
    ["a float in a column of cents", cents, 12.5],
    ["an int4 in a column of cents", cents, 12],
    ["a text in a column of cents", cents, "12"],
    ["a null in a column of cents", cents, null],
    ["an id above 2^53", id, 2n ** 53n],
    ["an int4 in a column of ids", id, 5],
    ["an int8 in a column of counts", integer, 5n],
    ["a fraction in a column of counts", integer, 5.5],
    ["a null in a column of texts", text, null],
    ["a text in a column of booleans", flag, "t"],
    ["a word outside the list of its column", oneOf(["paid", "pending"]), "lost"],
    ["an instant with the day first", instant, "07.12.2026 02:00:00 CET"],
    ["an instant with the month first", instant, "12/07/2026 02:00:00 UTC"],
    ["the instant infinity", instant, "infinity"],
    ["an instant with an offset of seconds", instant, "1890-01-01 00:00:00+05:53:28"],
    ["an instant before the year 1", instant, "0001-01-01 00:00:00+00 BC"],
    ["a missing column of jsonb", json, undefined],
    ["a time in a column of dates", date, "2026-12-07 00:00:00"],
    ["a text in a column of arrays", arrayOf(text), "{a,b}"],
    ["a null in an array of texts", arrayOf(text), ["a", null]],
  ];

  it.each(cases)("%s is refused", (_title, decode, value) => {
    expect(() => rowDecoder({ total: decode })({ total: value })).toThrow(
      /^the column "total" of the result is not as/,
    );
  });

  it("an error of a decoder does not show the value, which may be personal data", () => {
    const decode = rowDecoder({ status: oneOf(["paid"]) });
    expect(() => decode({ status: "jane@example.com" })).toThrow(/^((?!jane).)*$/);
  });
});
