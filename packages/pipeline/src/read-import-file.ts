import { pipeline, type Readable } from "node:stream";
import { abbreviate, InputError, parseCents, parseInstant, parseLocalDate, userStatuses } from "@cpa-payouts/core";
import type { ImportRow } from "@cpa-payouts/db";
import { type CsvError, type Parser, parse } from "csv-parse";
import { z } from "zod";

/** The columns of an import file, in any order (docs/cli.md, "Import file"). */
const importColumns = [
  "external_id",
  "email",
  "name",
  "status",
  "balance",
  "binance_email",
  "payment_method_status",
  "previous_invoices",
  "joined_at",
] as const;
type Column = (typeof importColumns)[number];

/** A problem of a line of the file; line 1 is the header. */
export interface LineProblem {
  readonly line: number;
  readonly message: string;
}

const MAX_FIELD_LENGTH = 320;
/** Bounds the memory of one record: after an unclosed quote the rest of the file is one record. */
const MAX_RECORD_BYTES = 8 * 1024 * 1024;
const MAX_PREVIOUS_INVOICES = 1_000_000;
const methodStatuses = ["pending", "approved", "rejected"] as const;
const email = z.email();
const instant = z.iso.datetime({ offset: true });

/**
 * Reads an import file (docs/cli.md, "Import file") and yields its good rows. Bad rows are reported to `onProblem`, each
 * with its line, and left out. Whether a row may add its user is decided by `importUsers`, which knows who exists.
 *
 * @throws InputError when the file cannot be split into rows: it is empty, its header is wrong, or a quote is not
 *   closed
 */
export async function* readImportFile(
  source: Readable,
  onProblem: (problem: LineProblem) => void,
): AsyncGenerator<ImportRow> {
  let columns: readonly Column[] | null = null;
  for await (const { record, info } of openParser(source, onProblem)) {
    if (columns) {
      const row = readRow(columns, record, firstLineOf(record, info.lines), onProblem);
      if (row) yield row;
    } else {
      columns = readHeader(record);
    }
  }
  if (!columns) throw new InputError(`the file is empty; line 1 must name the columns ${importColumns.join(",")}`);
}

type ParsedRecord = { readonly record: string[]; readonly info: { readonly lines: number } };

function openParser(source: Readable, onProblem: (problem: LineProblem) => void): AsyncIterable<ParsedRecord> {
  let lastLine = 0;
  const parser: Parser = parse({
    bom: true,
    info: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_RECORD_BYTES,
    on_record: (record: string[], { lines }) => {
      lastLine = lines;
      return record;
    },
  });
  parser.on("skip", (error: CsvError | undefined) => {
    const line = Number(error?.lines ?? 0);
    const message = explainCsvError(error);
    if (error?.code === "INVALID_OPENING_QUOTE") {
      // The only mistake that ends with its line. After the others the start of the next row is unknown.
      onProblem({ line, message });
      lastLine = line;
    } else {
      const isOpenEnded = error?.code === "CSV_QUOTE_NOT_CLOSED" || error?.code === "CSV_MAX_RECORD_SIZE";
      parser.destroy(new InputError(`line ${isOpenEnded ? lastLine + 1 : line}: ${message}`));
    }
  });
  // When one of the three streams fails, all are destroyed, and the loop over the parser's records throws the error.
  pipeline(source, plainLineEnds, parser, () => {});
  return parser;
}

/** Converts Windows line ends to line feeds, also inside quotes, where the parser would count two lines for one. */
async function* plainLineEnds(source: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  let heldBack = "";
  for await (const chunk of source) {
    // Latin-1 keeps every byte as it is, in any encoding of the file.
    const bytes = heldBack + Buffer.from(chunk).toString("latin1");
    heldBack = bytes.endsWith("\r") ? "\r" : "";
    const complete = bytes.slice(0, bytes.length - heldBack.length);
    yield Buffer.from(complete.replaceAll("\r\n", "\n"), "latin1");
  }
  yield Buffer.from(heldBack, "latin1");
}

function explainCsvError(error: CsvError | undefined): string {
  switch (error?.code) {
    case "INVALID_OPENING_QUOTE":
      return 'a quote in the middle of a field; put the whole field in quotes and double the quotes inside ("")';
    case "CSV_INVALID_CLOSING_QUOTE":
      return 'something follows a closing quote; double the quotes inside a quoted field ("")';
    case "CSV_QUOTE_NOT_CLOSED":
      return "a quote is opened and never closed, so that the rest of the file is one field";
    case "CSV_MAX_RECORD_SIZE":
      return `a row of more than ${MAX_RECORD_BYTES / 1024 / 1024} MB; is a quote left open?`;
    default:
      return abbreviate(error?.message ?? "not CSV", 200);
  }
}

/** The parser reports the line on which a record ends. */
function firstLineOf(record: readonly string[], lastLine: number): number {
  return lastLine - (record.join("").match(/[\r\n]/g)?.length ?? 0);
}

function readHeader(record: readonly string[]): readonly Column[] {
  const isColumn = (name: string): name is Column => (importColumns as readonly string[]).includes(name);
  const doubled = record.filter((name, index) => record.indexOf(name) !== index);
  const problems = [
    ...importColumns.filter((name) => !record.includes(name)).map((name) => `line 1: the column ${name} is missing`),
    ...new Set(doubled.map((name) => `line 1: the column ${abbreviate(name)} is named twice`)),
    ...record.filter((name) => !isColumn(name)).map((name) => `line 1: there is no column "${abbreviate(name)}"`),
  ];
  if (problems.length > 0)
    throw new InputError(`${problems[0]}; line 1 must name the columns ${importColumns.join(",")}`, problems);
  return record.filter(isColumn);
}

function readRow(
  columns: readonly Column[],
  record: readonly string[],
  line: number,
  onProblem: (problem: LineProblem) => void,
): ImportRow | null {
  if (record.length !== columns.length) {
    onProblem({ line, message: `${record.length} columns, but the header names ${columns.length}` });
    return null;
  }
  const messages: string[] = [];
  const row = convertRow(fieldReader(columns, record, messages), line);
  for (const message of messages) onProblem({ line, message });
  return messages.length === 0 ? row : null;
}

type FieldReader = ReturnType<typeof fieldReader>;

/** Reads the fields of a row and collects every problem in `messages`, so that all problems of a row are reported. */
function fieldReader(columns: readonly Column[], record: readonly string[], messages: string[]) {
  const text = (column: Column) => record[columns.indexOf(column)] ?? "";
  const required = <T>(column: Column, fallback: T, convert: (text: string) => T): T => {
    const value = text(column);
    try {
      assertReadable(value);
      return convert(value);
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause;
      messages.push(`${column}: ${cause.message}`);
      return fallback;
    }
  };
  const optional = <T>(column: Column, convert: (text: string) => T): T | null =>
    text(column) === "" ? null : required<T | null>(column, null, convert);
  return { text, required, optional, messages };
}

function assertReadable(value: string): void {
  if (value.length > MAX_FIELD_LENGTH)
    throw new InputError(`${value.length} characters, at most ${MAX_FIELD_LENGTH} are allowed`);
  if (value.includes("\uFFFD")) throw new InputError("not UTF-8; save the file as UTF-8");
  if (/\p{Cc}/u.test(value)) throw new InputError("a control character or a line break");
}

function convertRow({ text, required, optional, messages }: FieldReader, line: number): ImportRow {
  const binanceEmail = optional("binance_email", readEmail);
  const paymentMethodStatus = optional("payment_method_status", oneOf(methodStatuses));
  if (paymentMethodStatus && text("binance_email") === "")
    messages.push("payment_method_status: given without a binance_email");
  return {
    line,
    externalId: required("external_id", "", readExternalId),
    email: required("email", "", readEmail),
    name: optional("name", (name) => name),
    status: required("status", "active", oneOf(userStatuses)),
    balanceCents: required("balance", 0n, parseCents),
    binanceEmail,
    paymentMethodStatus,
    previousInvoices: optional("previous_invoices", readCount),
    joinedAt: optional("joined_at", readInstant),
  };
}

function readExternalId(text: string): string {
  if (text === "") throw new InputError("it is empty");
  return text;
}

function readEmail(text: string): string {
  if (!email.safeParse(text).success) throw new InputError(`"${abbreviate(text)}" is not an e-mail address`);
  return text;
}

function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (!word) throw new InputError(`"${abbreviate(text)}" is not one of ${words.join(", ")}`);
    return word;
  };
}

function readCount(text: string): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) > MAX_PREVIOUS_INVOICES)
    throw new InputError(`"${abbreviate(text)}" is not a whole number from 0 to ${MAX_PREVIOUS_INVOICES}`);
  return Number(text);
}

function readInstant(text: string): Date {
  if (instant.safeParse(text).success) return parseInstant(text);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return new Date(`${parseLocalDate(text)}T00:00:00Z`);
  throw new InputError(
    `"${abbreviate(text)}" is neither a date (2026-01-31) nor an instant with its zone (2026-01-31T09:30:00Z)`,
  );
}
