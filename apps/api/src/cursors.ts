import { dateInput, instantInput } from "@cpa-payouts/contract";
import { InputError } from "@cpa-payouts/core";
import { z } from "zod";

/** Encodes where the next page begins, as text that the client sends back. Bigints and dates keep their exact values. */
export function writeCursor(position: Readonly<Record<string, number | bigint | string | Date>>): string {
  const plain = Object.fromEntries(
    Object.entries(position).map(([key, value]) => [key, value instanceof Date ? value.toISOString() : String(value)]),
  );
  return Buffer.from(JSON.stringify(plain)).toString("base64url");
}

const id = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const cents = z
  .string()
  .regex(/^-?\d{1,18}$/)
  .transform(BigInt);

/** The contents of a cursor, for each way in which lists are sorted. */
export const positions = {
  byId: z.object({ id }),
  byIdAndCents: z.object({ id, cents }),
  byDate: z.object({ date: dateInput }),
  byInstant: z.object({ id, at: instantInput }),
};

/**
 * Decodes a cursor that {@link writeCursor} wrote.
 *
 * @returns undefined for the first page, which has no cursor
 * @throws InputError when the text is not a cursor of this shape
 */
export function readCursor<S extends z.ZodType>(position: S, cursor: string | undefined): z.output<S> | undefined {
  if (cursor === undefined) return undefined;
  const parsed = position.safeParse(parseJson(Buffer.from(cursor, "base64url").toString("utf8")));
  if (!parsed.success) throw new InputError("query.cursor: it is not the `next` of a page of this list");
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Builds a page from `limit + 1` requested rows: the extra row is not shown, it only says that there is a next page. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { present, position }: { present: (row: Row) => Item; position: (row: Row) => Parameters<typeof writeCursor>[0] },
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(present), next: rows.length > limit && last ? writeCursor(position(last)) : null };
}
