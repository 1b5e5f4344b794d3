import type { Writable } from "node:stream";
import { escapeFormula } from "@cpa-payouts/core";
import { stringify } from "csv-stringify/sync";

/** Every format; the lists below have those of most commands, and the calendar has all. */
export const formats = ["table", "json", "csv", "ics"] as const;
export type Format = (typeof formats)[number];

/** The formats of a command that prints one object. */
export const objectFormats = ["table", "json"] as const satisfies readonly Format[];
/** The formats of a command that prints a list. */
export const listFormats = ["table", "json", "csv"] as const satisfies readonly Format[];

/** A column of a list: the key of its value in a row, and how it is printed. */
export interface Column<Row> {
  readonly key: keyof Row & string;
  /** For figures. They are the same in every CSV; the text of other columns is made harmless to spreadsheets. */
  readonly align?: "right";
}

type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

/** The number of rows that determine the column widths of a table; later rows are printed as they arrive. */
const MEASURED_ROWS = 1_000;

/** Prints data, and data only, on stdout. Long lists are written as they are read, so memory use stays constant. */
export interface Output {
  readonly format: Format;
  /** Prints `value` as JSON, or `lines` in the other formats. */
  object(value: object, lines: () => readonly string[]): Promise<void>;
  list<R extends Row>(columns: readonly Column<R>[], rows: AsyncIterable<R> | Iterable<R>): Promise<void>;
  text(text: string): Promise<void>;
}

/**
 * Creates the output of a command, which prints to `stdout` in one format. A write rejects when the reader is gone.
 *
 * @param options.isRaw whether CSV has every text as it is stored, for programs
 */
export function createOutput(stdout: Writable, format: Format, { isRaw }: { isRaw: boolean }): Output {
  // Each write is awaited: rows do not pile up in memory when the reader is slow, and a reader that closes the pipe
  // (`payouts invoices | head`) ends the command in order by the rejection (EPIPE).
  const text = (chunk: string) =>
    new Promise<void>((resolve, reject) => {
      stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  return {
    format,
    text,
    object: (value, lines) =>
      text(
        format === "json"
          ? `${toJson(value)}\n`
          : lines()
              .map((line) => `${line}\n`)
              .join(""),
      ),
    list: async (columns, rows) => {
      const write = { table: writeTable, json: writeJson, csv: isRaw ? writeRawCsv : writeCsv, ics: writeTable }[
        format
      ];
      await write(columns, rows, text);
    },
  };
}

/** JSON with amounts of money, which are bigints, as strings. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => (typeof field === "bigint" ? field.toString() : field));
}

type Write = (text: string) => Promise<void>;
type Rows<R> = AsyncIterable<R> | Iterable<R>;

async function writeJson<R extends Row>(columns: readonly Column<R>[], rows: Rows<R>, write: Write): Promise<void> {
  let separator = "[";
  for await (const row of rows) {
    await write(`${separator}\n${toJson(Object.fromEntries(columns.map(({ key }) => [key, row[key]])))}`);
    separator = ",";
  }
  await write(separator === "[" ? "[]\n" : "\n]\n");
}

function writeCsv<R extends Row>(columns: readonly Column<R>[], rows: Rows<R>, write: Write): Promise<void> {
  return writeCsvFields(columns, rows, write, ({ align }, value) =>
    align !== "right" && typeof value === "string" ? escapeFormula(value) : value,
  );
}

function writeRawCsv<R extends Row>(columns: readonly Column<R>[], rows: Rows<R>, write: Write): Promise<void> {
  return writeCsvFields(columns, rows, write, (_column, value) => value);
}

async function writeCsvFields<R extends Row>(
  columns: readonly Column<R>[],
  rows: Rows<R>,
  write: Write,
  toField: (column: Column<R>, value: Value) => Value,
): Promise<void> {
  await write(stringify([columns.map(({ key }) => snakeCase(key))]));
  for await (const row of rows)
    await write(stringify([columns.map((column) => toField(column, row[column.key] ?? null))]));
}

async function writeTable<R extends Row>(columns: readonly Column<R>[], rows: Rows<R>, write: Write): Promise<void> {
  const measured: string[][] = [];
  let widths: number[] | null = null;
  const header = columns.map(({ key }) => snakeCase(key).replaceAll("_", " "));
  const line = (cells: readonly string[]) => `${formatLine(columns, cells, widths ?? [])}\n`;
  const flush = async () => {
    widths = header.map((title, index) =>
      Math.max(title.length, ...measured.map((cells) => cells[index]?.length ?? 0)),
    );
    await write(line(header) + line(widths.map((width) => "─".repeat(width))) + measured.map(line).join(""));
  };
  for await (const row of rows) {
    const cells = columns.map(({ key }) => printable(row[key]));
    if (widths) {
      await write(line(cells));
      continue;
    }
    measured.push(cells);
    if (measured.length === MEASURED_ROWS) await flush();
  }
  if (!widths) await (measured.length > 0 ? flush() : write("none\n"));
}

/** Control characters in a name would move the cursor of the terminal that shows it. */
function printable(value: Value | undefined): string {
  return value === null || value === undefined ? "" : String(value).replace(/\p{Cc}/gu, "?");
}

function formatLine<R>(columns: readonly Column<R>[], cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, index) => {
    const width = widths[index] ?? 0;
    return columns[index]?.align === "right" ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join("  ").trimEnd();
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
