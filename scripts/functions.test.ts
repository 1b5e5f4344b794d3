import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("functions.mjs", import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "functions-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string) {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), text);
}

/** A function of so many lines. */
const long = (name: string, lines: number) => `function ${name}() {\n${"  // more\n".repeat(lines - 2)}}\n`;

function measure() {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, folder], { encoding: "utf8" });
  const places = stdout.replaceAll(/ +(\d+) +\S*[/\\]([\w.-]+:\d+)/g, "$1 $2");
  return { code: status, lines: places.trim().split("\n"), stderr };
}

describe("length of functions", () => {
  test("the check of function lengths lists functions of every kind with file, line and name, the longest first", () => {
    write("a.ts", `type A = string;\n${long("first", 3)}const second = (a: A) => [a].map((b) => b);\n`);
    write("b.mjs", `export const third = {\n  method() {\n    return 1;\n\n  },\n};\n`);
    expect(measure()).toEqual({
      code: 0,
      lines: [
        "product: 4 functions, median 1 lines, 90th percentile 4",
        "4 b.mjs:2  method",
        "3 a.ts:2  first",
        "1 a.ts:5  second",
        "1 a.ts:5",
        "tests: 0 functions, median 0 lines, 90th percentile 0",
      ],
      stderr: "",
    });
  });

  test("the check of function lengths lists test helpers apart, and leaves out the bodies of tests and groups", () => {
    const body = `() => {\n${"  // more\n".repeat(80)}}`;
    write("a.ts", long("product", 2));
    write("a.test.ts", `describe("a", ${body});\nit.each([1])("b", ${body});\ndescribeOnBackends("c", ${body});\n`);
    write("testing/helper.ts", long("helper", 90));
    expect(measure()).toEqual({
      code: 0,
      lines: [
        "product: 1 functions, median 2 lines, 90th percentile 2",
        "2 a.ts:1  product",
        "tests: 1 functions, median 90 lines, 90th percentile 90",
        "90 helper.ts:1  helper",
      ],
      stderr: "",
    });
  });

  test("the check of function lengths fails for a function of more than 70 lines or a median above 8", () => {
    write("a.ts", long("longest", 70) + long("short", 8) + long("shorter", 2));
    expect(measure()).toMatchObject({ code: 0, stderr: "" });
    write("a.ts", long("tooLong", 71) + long("short", 9));
    const { code, stderr } = measure();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^functions: the median is 9 lines, 8 are allowed\nfunctions: \S+a\.ts:1 has 71 lines, 70 are allowed\n$/,
    );
  });

  test("the check of function lengths fails for a file that cannot be parsed", () => {
    write("a.ts", "function (");
    expect(measure()).toMatchObject({ code: 1, stderr: expect.stringContaining("oxlint failed") });
  });
});
