import { createReadStream } from "node:fs";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { InputError } from "@cpa-payouts/core";
import type { ImportRow } from "@cpa-payouts/db";
import { describe, expect, it } from "vitest";
import { type LineProblem, readImportFile } from "./read-import-file.ts";

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
const HEADER = importColumns.join(",");
const GOOD = "a,a@example.com,Acme,active,150.00,a@pay.example.com,approved,2,2025-01-31";

interface Read {
  readonly rows: readonly ImportRow[];
  /** `line: message` */
  readonly problems: readonly string[];
  /** What ended the reading. */
  readonly error: unknown;
}

async function read(source: Readable | string | Buffer): Promise<Read> {
  const rows: ImportRow[] = [];
  const problems: LineProblem[] = [];
  const stream = source instanceof Readable ? source : Readable.from([Buffer.from(source)]);
  let error: unknown = null;
  try {
    for await (const row of readImportFile(stream, (problem) => problems.push(problem))) rows.push(row);
  } catch (cause) {
    error = cause;
  }
  return { rows, problems: problems.map(({ line, message }) => `${line}: ${message}`), error };
}

const file = (...lines: string[]) => `${[HEADER, ...lines].join("\n")}\n`;

/** {@link GOOD} with some columns replaced. */
function row(changes: Partial<Record<(typeof importColumns)[number], string>>): string {
  const values = GOOD.split(",");
  return importColumns.map((column, index) => changes[column] ?? values[index]).join(",");
}

const linesOf = ({ rows }: Read) => rows.map(({ line, externalId }) => [line, externalId]);

describe("import file", () => {
  it("every column of an import file is read", async () => {
    const { rows, problems, error } = await read(file(GOOD));
    expect([problems, error]).toEqual([[], null]);
    expect(rows).toEqual([
      {
        line: 2,
        externalId: "a",
        email: "a@example.com",
        name: "Acme",
        status: "active",
        balanceCents: 150_00n,
        binanceEmail: "a@pay.example.com",
        paymentMethodStatus: "approved",
        previousInvoices: 2,
        joinedAt: new Date("2025-01-31T00:00:00Z"),
      },
    ]);
  });

  it("the name and the last four columns of an import file may be empty", async () => {
    const { rows, problems } = await read(file("a,a@example.com,,closed,0,,,,"));
    expect(problems).toEqual([]);
    expect(rows).toEqual([
      {
        line: 2,
        externalId: "a",
        email: "a@example.com",
        name: null,
        status: "closed",
        balanceCents: 0n,
        binanceEmail: null,
        paymentMethodStatus: null,
        previousInvoices: null,
        joinedAt: null,
      },
    ]);
  });

  it("the columns of an import file may be in any order", async () => {
    const order = [...importColumns].reverse();
    const { rows, error } = await read(`${order.join(",")}\n${GOOD.split(",").reverse().join(",")}\n`);
    expect(error).toBeNull();
    expect(rows).toEqual((await read(file(GOOD))).rows);
  });

  it.each<[string, string]>([
    ["a byte order mark", `\uFEFF${file(GOOD)}`],
    ["Windows line ends", file(GOOD).replaceAll("\n", "\r\n")],
    ["old Macintosh line ends", file(GOOD).replaceAll("\n", "\r")],
    ["Windows and plain line ends", file(GOOD).replace("\n", "\r\n")],
    ["no line end at the end", file(GOOD).trimEnd()],
    ["quotes around every field", file(GOOD).replaceAll(/[^,\n]+/g, '"$&"')],
    ["blanks around the fields", file(GOOD).replaceAll(",", " ,\t")],
  ])("an import file with %s is read", async (_what, text) => {
    expect(await read(text)).toEqual(await read(file(GOOD)));
  });

  it("a quoted field of an import file may contain commas and doubled quotes", async () => {
    const { rows } = await read(file(row({ name: '"Acme, ""North"""' })));
    expect(rows[0]?.name).toBe('Acme, "North"');
  });

  it("joined_at in an import file may be an instant with its zone", async () => {
    const { rows } = await read(file(row({ joined_at: "2026-01-31T09:30:00+05:45" })));
    expect(rows[0]?.joinedAt).toEqual(new Date("2026-01-31T03:45:00Z"));
  });

  it("an import file that arrives byte by byte is read", async () => {
    const bytes = Buffer.from(file(row({ name: "Zoé Média" }), row({ external_id: "b" })));
    const { rows, problems } = await read(Readable.from([...bytes].map((byte) => Buffer.from([byte]))));
    expect(problems).toEqual([]);
    expect(rows.map(({ name }) => name)).toEqual(["Zoé Média", "Acme"]);
  });
});

describe("bad row of an import file", () => {
  it.each<[what: string, row: string, problem: string | RegExp]>([
    ["too few columns", "a,a@example.com,Acme,active,1", "5 columns, but the header names 9"],
    ["too many columns", `${GOOD},more`, "10 columns, but the header names 9"],
    ["no external_id", row({ external_id: "" }), "external_id: it is empty"],
    ["no email", row({ email: "" }), 'email: "" is not an e-mail address'],
    ["an email without an @", row({ email: "a(at)example.com" }), 'email: "a(at)example.com" is not an e-mail address'],
    ["an email with two @", row({ email: "a@b@example.com" }), /^email: .* is not an e-mail address$/],
    ["a binance_email without a domain", row({ binance_email: "a@" }), 'binance_email: "a@" is not an e-mail address'],
    ["a status in capitals", row({ status: "Active" }), 'status: "Active" is not one of active, suspended, closed'],
    ["no status", row({ status: "" }), /^status: "" is not one of/],
    ["no balance", row({ balance: "" }), /^balance: "" is not an amount: it is empty/],
    ["a balance with three decimals", row({ balance: "1.234" }), /^balance: .*more than two decimals$/],
    ["a negative balance", row({ balance: "-5" }), /^balance: .*it is negative$/],
    ["a balance with an exponent", row({ balance: "1e5" }), /^balance: .*exponents are not allowed$/],
    ["a balance with a currency", row({ balance: "$100" }), /^balance: .*leave the currency out$/],
    [
      "a balance with a thousands separator",
      row({ balance: '"1,000.00"' }),
      /^balance: .*leave the thousands separators out$/,
    ],
    [
      "a payment_method_status that a file cannot have",
      row({ payment_method_status: "replaced" }),
      /^payment_method_status: "replaced" is not one of pending, approved/,
    ],
    [
      "a payment_method_status but no binance_email",
      row({ binance_email: "" }),
      "payment_method_status: given without a binance_email",
    ],
    [
      "a negative number of previous_invoices",
      row({ previous_invoices: "-1" }),
      /^previous_invoices: "-1" is not a whole number/,
    ],
    [
      "a fraction as previous_invoices",
      row({ previous_invoices: "1.5" }),
      /^previous_invoices: "1.5" is not a whole number/,
    ],
    [
      "too many previous_invoices",
      row({ previous_invoices: "1000001" }),
      /^previous_invoices: .* is not a whole number from 0 to 1000000$/,
    ],
    ["a joined_at that is no day", row({ joined_at: "2026-02-30" }), /^joined_at: .*there is no such day$/],
    [
      "a joined_at in another form",
      row({ joined_at: "31.01.2026" }),
      /^joined_at: .* is neither a date .* nor an instant/,
    ],
    [
      "a joined_at in the year 0",
      row({ joined_at: "0000-01-01T00:00:00Z" }),
      'joined_at: "0000-01-01T00:00:00Z" is not an instant with a year from 1900 to 2999',
    ],
    [
      "a joined_at without a zone",
      row({ joined_at: "2026-01-31T09:30:00" }),
      /^joined_at: .* is neither a date .* nor an instant with its zone/,
    ],
    ["a line break in the name", row({ name: '"a\nb"' }), "name: a control character or a line break"],
    ["a null character in the name", row({ name: "a\0b" }), "name: a control character or a line break"],
    [
      "an escape character in the external_id",
      row({ external_id: "a\u001bb" }),
      "external_id: a control character or a line break",
    ],
    ["a name one character too long", row({ name: "x".repeat(321) }), "name: 321 characters, at most 320 are allowed"],
    [
      "a name of a million characters",
      row({ name: "x".repeat(1_000_000) }),
      "name: 1000000 characters, at most 320 are allowed",
    ],
    ["a quote in the middle of the name", row({ name: 'J"D' }), /^a quote in the middle of a field/],
  ])("an imported row with %s is reported by line, and the other rows are read", async (_what, bad, problem) => {
    const { rows, problems, error } = await read(file(GOOD, bad, row({ external_id: "z" })));
    expect(error).toBeNull();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^3: /);
    expect(problems[0]?.slice(3)).toEqual(typeof problem === "string" ? problem : expect.stringMatching(problem));
    expect(rows.map(({ externalId }) => externalId)).toEqual(["a", "z"]);
  });

  it("all problems of an imported row are reported at once", async () => {
    const { problems } = await read(file("a,b,c,d,e,f,g,h,i"));
    expect(problems.map((problem) => /^2: (\w+):/.exec(problem)?.[1] ?? problem).sort()).toEqual([
      "balance",
      "binance_email",
      "email",
      "joined_at",
      "payment_method_status",
      "previous_invoices",
      "status",
    ]);
  });

  it("an imported row in Latin-1 is reported, and the other rows are read", async () => {
    const { problems, rows } = await read(Buffer.from(file(row({ name: "Zoé Média" }), GOOD), "latin1"));
    expect(problems).toEqual(["2: name: not UTF-8; save the file as UTF-8"]);
    expect(linesOf({ rows, problems, error: null })).toEqual([[3, "a"]]);
  });
});

describe("line numbers of an import file", () => {
  const b = row({ external_id: "b" });
  const bad = row({ status: "x" });
  const quoted = (lineBreak: string) => row({ name: `"one${lineBreak}two${lineBreak}three"` });

  it.each([
    ["\n", "line feeds"],
    ["\r\n", "Windows line ends"],
  ])("lines of an import file are counted as by an editor, with %j in quotes (%s)", async (lineBreak) => {
    const text = [HEADER, GOOD, quoted(lineBreak), b, quoted(lineBreak), bad, b].join(lineBreak);
    const result = await read(`${text}${lineBreak}`);
    expect(linesOf(result)).toEqual([
      [2, "a"],
      [6, "b"],
      [11, "b"],
    ]);
    expect(result.problems.map((problem) => problem.split(":")[0])).toEqual(["3", "7", "10"]);
  });

  it.each(["\n", "\r\n"])("empty lines of an import file that end in %j are counted", async (lineBreak) => {
    const result = await read([HEADER, "", GOOD, "", "", bad, b, ""].join(lineBreak));
    expect(linesOf(result)).toEqual([
      [3, "a"],
      [7, "b"],
    ]);
    expect(result.problems[0]).toMatch(/^6: /);
  });

  it.each(["\n", "\r\n"])(
    "lines of an import file are counted correctly after a row with a misplaced quote and line breaks (%j) in a field",
    async (lineBreak) => {
      const misplaced = row({ external_id: `"one${lineBreak}two"`, name: 'J"D' });
      const result = await read([HEADER, misplaced, b, bad, ""].join(lineBreak));
      expect(linesOf(result)).toEqual([[4, "b"]]);
      expect(result.problems.map((problem) => problem.split(":")[0])).toEqual(["3", "5"]);
    },
  );
});

describe("import file that cannot be split into rows", () => {
  const missing = importColumns.filter((column) => column !== "balance").join(",");

  it.each<[what: string, text: string, message: RegExp]>([
    ["no content", "", /^the file is empty; line 1 must name the columns external_id,/],
    ["only line ends", "\n\r\n\n", /^the file is empty/],
    ["only a byte order mark", "\uFEFF", /^the file is empty/],
    ["no header", `${GOOD}\n${GOOD}\n`, /^line 1: the column external_id is missing; line 1 must name the columns/],
    ["a missing column", `${missing}\n`, /^line 1: the column balance is missing/],
    ["a column named twice", `${HEADER},email\n`, /^line 1: the column email is named twice/],
    ["an unknown column", `${HEADER},mood\n`, /^line 1: there is no column "mood"/],
    ["a column in capitals", `${HEADER.replace("email", "EMAIL")}\n`, /^line 1: the column email is missing/],
    ["semicolons for commas", file(GOOD).replaceAll(",", ";"), /^line 1: the column external_id is missing/],
    ["an unclosed quote", file(GOOD, row({ name: '"Acme' }), GOOD), /^line 3: a quote is opened and never closed/],
    [
      "an unclosed quote among Windows line ends",
      file(GOOD, row({ name: 'J"D' }), row({ name: '"Acme' }), GOOD).replaceAll("\n", "\r\n"),
      /^line 4: a quote is opened and never closed/,
    ],
    ["text after a closing quote", file(row({ name: '"Al"ice' }), GOOD), /^line 2: something follows a closing quote/],
    ["UTF-16 text", `\u0000${file(GOOD).split("").join("\u0000")}`, /^line 1: the column/],
  ])("an import file with %s is refused with one clear message", async (_what, text, message) => {
    const { error } = await read(text);
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).toMatch(message);
    expect((error as InputError).message).not.toMatch(/\n/);
  });

  it("all problems of the header of an import file are reported at once", async () => {
    const { error } = await read("external_id,email,email,mood\n");
    const { problems } = error as InputError;
    expect(problems).toContain("line 1: the column email is named twice");
    expect(problems).toContain('line 1: there is no column "mood"');
    expect(problems).toContain("line 1: the column balance is missing");
  });

  it("an unclosed quote in a large import file needs little memory", async () => {
    async function* endless() {
      yield Buffer.from(`${HEADER}\na,"`);
      for (let megabyte = 0; megabyte < 64; megabyte += 1) yield Buffer.alloc(1024 * 1024, "x,\n");
    }
    const { error } = await read(Readable.from(endless()));
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).toMatch(/^line 2: a row of more than 8 MB; is a quote left open\?$/);
  });

  it("importing a directory fails with EISDIR", async () => {
    const { error } = await read(createReadStream(tmpdir()));
    expect(error).toMatchObject({ code: "EISDIR" });
  });

  it("an error of the source in the middle of an import file is passed on", async () => {
    async function* broken() {
      yield Buffer.from(file(GOOD));
      throw new Error("the disk is gone");
    }
    const { error } = await read(Readable.from(broken()));
    expect(error).toMatchObject({ message: "the disk is gone" });
  });
});
