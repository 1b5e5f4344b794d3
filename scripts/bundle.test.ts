import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compile } from "./bundle.mjs";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bundle-"));
  write("node_modules/old/package.json", '{ "main": "main.js" }');
  write("node_modules/old/main.js", "exports.greeting = 'hello';");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

const compiled = () => compile({ entry: join(folder, "main.ts"), folder, name: "main" });

test("a dynamic import of a CommonJS module, whose names the bundle would lose, fails the build and is named", async () => {
  write("main.ts", 'const { greeting } = await import("old"); console.log(greeting);');
  await expect(compiled()).rejects.toThrow(
    /main\.ts imports the CommonJS module \S+old\/main\.js dynamically: import a/,
  );
});

test("a CommonJS module is imported statically by a module that is imported dynamically", async () => {
  write("greeting.ts", 'export { greeting } from "old";');
  write("main.ts", 'const { greeting } = await import("./greeting.ts"); console.log(greeting);');
  expect((await compiled()).files.length).toBeGreaterThan(1);
});
