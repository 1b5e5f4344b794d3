import type pg from "pg";
import { parse as parseArray } from "postgres-array";

const OIDS = {
  bool: 16,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  textArray: 1009,
  int8Array: 1016,
  jsonb: 3802,
};

/** Dates, instants and `numeric` are not in the list and arrive as PostgreSQL's text, which loses nothing. */
const parsers = new Map<number, (text: string) => unknown>([
  [OIDS.bool, (text) => text === "t"],
  [OIDS.int8, BigInt],
  [OIDS.int2, Number],
  [OIDS.int4, Number],
  [OIDS.oid, Number],
  [OIDS.float4, Number],
  [OIDS.float8, Number],
  [OIDS.json, JSON.parse],
  [OIDS.jsonb, JSON.parse],
  [OIDS.textArray, (text) => parseArray(text)],
  [OIDS.int8Array, (text) => parseArray(text, BigInt)],
]);

const asText = (text: string) => text;

/** How the values in rows are read. pg's own parsers read `bigint` as text and a date as an instant in the local time zone. */
export const valueTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number) => parsers.get(oid) ?? asText) as pg.CustomTypesConfig["getTypeParser"],
};

/**
 * Converts a parameter to the text that is sent. pg itself would send `undefined` as null, an object as JSON and a Date in
 * the local time zone; none of them is meant by a statement of this package.
 *
 * @throws TypeError that names the type, for any other value than a text, number, bigint, boolean, null or an array of them
 */
export function toParameter(value: unknown): string | null {
  if (value === null) return null;
  return Array.isArray(value) ? `{${value.map(toElement).join(",")}}` : toText(value);
}

/** Quoted, because a text may contain commas and braces, or be `null`. */
function toElement(value: unknown): string {
  return typeof value === "string" ? `"${value.replace(/[\\"]/g, "\\$&")}"` : toText(value);
}

function toText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  throw new TypeError(`a parameter of a statement is ${value === undefined ? "undefined" : "an object"}`);
}
