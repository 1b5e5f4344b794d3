import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  adminRoles,
  invoiceTransitions,
  paymentMethodTransitions,
  runTransitions,
  statesOf,
  userStatuses,
} from "@cpa-payouts/core";
import { testDatabase } from "@cpa-payouts/db/testing";
import { freePort } from "@cpa-payouts/testing-servers";
import { describe, expect, it } from "vitest";
import { payouts } from "./payouts.ts";

const NOWHERE = { DATABASE_URL: "postgres://payouts:secret@127.0.0.1:1/payouts" };

/** Goal: wrong usage is refused with one clear line and exit code 2, before any database is touched. */
describe("bad usage", () => {
  const cases: [name: string, args: string[], stderr: string | RegExp][] = [
    ["an unknown command", ["calender"], "error: unknown command 'calender'\n(Did you mean calendar?)\n"],
    ["an unknown flag", ["run", "--dat", "x"], "error: unknown option '--dat'\n(Did you mean --date?)\n"],
    ["an excess argument", ["verify", "all"], /^error: too many arguments/],
    ["a missing argument", ["import"], "error: missing required argument 'file'\n"],
    ["a credit without a key", ["credit", "aff", "1"], "error: required option '--key <key>' not specified\n"],
    ["a bad date", ["run", "--date", "2026-02-30"], 'error: "2026-02-30" is not a date: there is no such day\n'],
    [
      "a date in another form",
      ["why", "aff", "--date", "07.12.2026"],
      'error: "07.12.2026" is not a date: write YYYY-MM-DD\n',
    ],
    ["a bad format", ["users", "--format", "xml"], 'error: --format: "xml" is not one of table, json, csv, ics\n'],
    [
      "the format ics for a list",
      ["users", "--format", "ics"],
      "error: --format ics is not for this command; it knows table, json, csv\n",
    ],
    [
      "the format csv for one object",
      ["preview", "--format", "csv"],
      "error: --format csv is not for this command; it knows table, json\n",
    ],
    [
      "raw output in another format than csv",
      ["users", "--json", "--raw"],
      "error: --raw goes with --format csv; other formats are always raw\n",
    ],
    [
      "a bad status",
      ["users", "--status", "gone"],
      'error: --status: "gone" is not one of active, suspended, closed\n',
    ],
    ["a bad limit", ["users", "--limit", "0"], /write a whole number from 1 to/],
    [
      "a bad instant",
      ["run", "--now", "yesterday"],
      'error: --now: "yesterday" is not an instant; write 2026-12-07T02:00:00Z\n',
    ],
    [
      "a bad amount",
      ["credit", "aff", "1e5", "--key", "k"],
      'error: "1e5" is not an amount: exponents are not allowed\n',
    ],
    [
      "a review with both verdicts",
      ["review", "INV-1", "--paid", "--reject"],
      "error: say either --paid or --reject\n",
    ],
    [
      "--forfeit without --reject",
      ["review", "INV-1", "--paid", "--forfeit"],
      "error: --forfeit and --reason go with --reject\n",
    ],
    ["a bad log level", ["verify", "--log-level", "loud"], /^error: --log-level: "loud" is not one of debug, info/],
  ];

  it.each(cases)("%s is refused with one clear line", async (_name, args, stderr) => {
    const result = await payouts(args, NOWHERE);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    if (typeof stderr === "string") expect(result.stderr).toBe(stderr);
    else expect(result.stderr).toMatch(stderr);
  });

  it("--help lists every command and exits with 0", async () => {
    const { code, stdout, stderr } = await payouts(["--help"], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of [
      "up",
      "demo",
      "migrate",
      "import",
      "credit",
      "calendar",
      "preview",
      "run",
      "runs",
      "invoices",
      "users",
      "methods",
      "method",
      "review",
      "why",
      "retry",
      "verify",
      "worker",
      "api",
      "admin",
      "alerts",
    ])
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
  });
});

describe("accepted values in the help", () => {
  const cases: [command: string[], option: string, values: readonly string[]][] = [
    [[], "--format", ["table", "json", "csv", "ics"]],
    [[], "--log-level", ["debug", "info", "warn", "error", "silent"]],
    [["runs"], "--state", statesOf(runTransitions)],
    [["admin", "create"], "--role", adminRoles],
    [["invoices"], "--status", statesOf(invoiceTransitions)],
    [["users"], "--status", userStatuses],
    [["users"], "--method", statesOf(paymentMethodTransitions)],
    [["methods"], "--status", statesOf(paymentMethodTransitions)],
  ];

  it.each(cases)("the help of the command %j lists every value that %s accepts", async (command, option, values) => {
    const { stdout } = await payouts([...command, "--help"], {});
    const [, description = ""] = stdout.replace(/\s+/g, " ").split(` ${option} <`);
    expect(description).toContain(`${values.slice(0, -1).join(", ")} or ${values.at(-1)}`);
  });

  it("the help of an option lists the same values as the error about a wrong one", async () => {
    for (const [command, option, values] of cases) {
      const args = command.length === 0 ? ["verify"] : command;
      const { stderr } = await payouts([...args, ...(command[0] === "admin" ? ["a@b"] : []), option, "wrong"], NOWHERE);
      expect(stderr).toBe(`error: ${option}: "wrong" is not one of ${values.join(", ")}\n`);
    }
  });
});

describe("environment", () => {
  it("a wrong environment is refused with all of its problems at once", async () => {
    const { code, stderr } = await payouts(["verify"], {
      DATABASE_URL: "mysql://x",
      REDIS_URL: "localhost",
      MINIMUM_BALANCE: "-5",
      CATCH_UP_DAYS: "a week",
      WORKER_CONCURRENCY: "0",
      PAYMENT_TIME_ZONE: "Mars/Olympus",
      LOG_LEVEL: "loud",
      DATABASE_POOLER: "session",
      ALLOW_UNSAFE: "redis-eviction, everything,nothing",
      ALERT_WEBHOOK_URL: "http://example.com/hook-secret",
      SMTP_URL: "smtp://user:mail-secret@mail.example.com/inbox",
      ALERT_EMAIL_TO: "finance@example.com, unknown",
      PUBLIC_URL: "payouts.example.com",
    });
    expect(code).toBe(2);
    expect(stderr).toBe(
      [
        "  DATABASE_URL: write a URL such as postgres://user:password@host:5432/database",
        "  DATABASE_POOLER: write one of none, transaction",
        "  REDIS_URL: write a URL such as redis://host:6379",
        '  MINIMUM_BALANCE: "-5" is not an amount: it is negative',
        "  CATCH_UP_DAYS: write a whole number from 0 to 366",
        "  WORKER_CONCURRENCY: write a whole number from 1 to 5000",
        "  LOG_LEVEL: write one of debug, info, warn, error, silent",
        '  ALLOW_UNSAFE: "everything" is not one of redis-eviction, redis-persistence',
        '  ALLOW_UNSAFE: "nothing" is not one of redis-eviction, redis-persistence',
        "  ALERT_WEBHOOK_URL: write a URL such as https://hooks.slack.com/services/...; http is for this machine only",
        "  SMTP_URL: write a URL such as smtps://user:password@mail.example.com or smtp://mail.example.com:587, with nothing behind the port",
        '  ALERT_EMAIL_TO: "unknown" is not an address such as finance@example.com',
        "  PUBLIC_URL: write a URL such as https://payouts.example.com",
        '  PAYMENT_TIME_ZONE and PAYMENT_TICK_CRON: "Mars/Olympus" is not an IANA time zone; it must fire once a day',
        "  ALERT_EMAIL_FROM: alerts by e-mail need SMTP_URL, ALERT_EMAIL_FROM, ALERT_EMAIL_TO; set all of them or none",
        "error: 15 problems, see above",
        "",
      ].join("\n"),
    );
  });

  it("an unknown check in ALLOW_UNSAFE is refused", async () => {
    expect(await payouts(["worker"], { ...NOWHERE, ALLOW_UNSAFE: "redis-evicton" })).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'error: the configuration is wrong: ALLOW_UNSAFE: "redis-evicton" is not one of redis-eviction, redis-persistence\n',
    });
  });

  it("a pooler for the embedded database is refused", async () => {
    expect(await payouts(["verify"], { DATABASE_POOLER: "transaction" })).toEqual({
      code: 2,
      stdout: "",
      stderr:
        "error: the configuration is wrong: DATABASE_POOLER: the embedded database has no pooler; set DATABASE_URL, too\n",
    });
  });

  it("an empty environment variable counts as unset", async () => {
    expect(await payouts(["calendar", "--months", "1"], { MINIMUM_BALANCE: "", LOG_LEVEL: "" })).toMatchObject({
      code: 0,
    });
  });

  it("leading zeros change nothing in a number, neither in a variable nor in an option", async () => {
    const now = ["--now", "2026-12-01T00:00:00Z"];
    const plain = await payouts(["calendar", "--months", "7", ...now], { CATCH_UP_DAYS: "7" });
    const padded = await payouts(["calendar", "--months", "0000000007", ...now], { CATCH_UP_DAYS: "0000000007" });
    expect(plain).toMatchObject({ code: 0 });
    expect(padded).toEqual(plain);
  });

  it("--now is refused in production", async () => {
    expect(
      await payouts(["verify", "--now", "2026-12-07T02:00:00Z"], { ...NOWHERE, NODE_ENV: "production" }),
    ).toMatchObject({
      code: 2,
      stderr: "error: --now simulates the time and is refused with NODE_ENV=production\n",
    });
  });

  it("a worker without DATABASE_URL is refused", async () => {
    expect((await payouts(["worker"], {})).code).toBe(2);
  });
});

describe("unusable server", () => {
  it("a database that is away is named in one line without its password, exit code 1", async () => {
    const { code, stdout, stderr } = await payouts(["verify"], NOWHERE);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: the database at 127\.0\.0\.1:1\/payouts does not answer: .*ECONNREFUSED.*\n$/);
    expect(stderr).not.toContain("secret");
  });

  it("a database without migrations is refused until they are applied", async () => {
    const database = await testDatabase({ empty: true });
    const { code, stderr } = await payouts(["verify"], { DATABASE_URL: database.url });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: the database lacks (\d+) of \1 migrations: run "payouts migrate" first\n$/);
    expect(await payouts(["migrate"], { DATABASE_URL: database.url })).toMatchObject({ code: 0 });
    expect(await payouts(["migrate"], { DATABASE_URL: database.url })).toMatchObject({
      code: 0,
      stdout: "The database is up to date\n",
    });
    expect(await payouts(["verify"], { DATABASE_URL: database.url })).toMatchObject({ code: 0 });
    await database.close();
  });

  it("a Redis that is away is named in one line, exit code 1", async () => {
    const database = await testDatabase();
    const port = await freePort();
    const { code, stderr } = await payouts(["run", "--date", "2026-11-16"], {
      DATABASE_URL: database.url,
      REDIS_URL: `redis://127.0.0.1:${port}`,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^error: Redis at 127\\.0\\.0\\.1:${port} does not answer: .*ECONNREFUSED.*; check REDIS_URL .*\\n$`),
    );
    await database.close();
  });
});

describe("import file", () => {
  it("a file with bad rows is refused whole, every problem named by line", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "payouts-cli-"));
    const database = await testDatabase();
    const file = path.join(folder, "bad.csv");
    await writeFile(
      file,
      [
        "external_id,email,name,status,balance,binance_email,payment_method_status,previous_invoices,joined_at",
        "a,a@example.com,,active,10.00,,,,",
        "b,b@example,,active,1.234,,,,",
        "a,a@example.com,,gone,$5,,,,",
        "a,c@example.com,,active,5,,,,",
        "",
      ].join("\n"),
    );
    const { code, stdout, stderr } = await payouts(["import", file], { DATABASE_URL: database.url });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.split("\n").filter((line) => line.startsWith(file))).toEqual([
      `${file}: line 3: email: "b@example" is not an e-mail address`,
      `${file}: line 3: balance: "1.234" is not an amount: it has more than two decimals`,
      `${file}: line 4: status: "gone" is not one of active, suspended, closed`,
      `${file}: line 4: balance: "$5" is not an amount: leave the currency out`,
      `${file}: line 5: external_id: "a" is on line 2 already`,
    ]);
    expect(stderr).toMatch(/error: 3 of 4 rows are bad; nothing was imported/);
    expect((await database.sql`select from users`).length + (await database.sql`select from import_rows`).length).toBe(
      0,
    );

    const skipped = await payouts(["import", file, "--skip-bad"], { DATABASE_URL: database.url });
    expect(skipped).toMatchObject({ code: 0 });
    expect(skipped.stdout).toContain("Imported 1 of 4 rows: 1 users added");
    expect(await payouts(["import", folder], { DATABASE_URL: database.url })).toMatchObject({
      code: 2,
      stderr: `error: ${folder} is a folder, not a CSV file\n`,
    });
    await database.close();
    await rm(folder, { recursive: true });
  });
});
