import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { limitHeapGrowth } from "@cpa-payouts/runtime/heap";
import { runProgram } from "./program.ts";

/**
 * Beside the bundle of the image, or at the root of the repository: three levels above the sources, five above the bundle in
 * dist/checkout/BUILD.
 */
const migrationsFolder = ["./drizzle", "../../../drizzle", "../../../../../drizzle"]
  .map((folder) => fileURLToPath(new URL(folder, import.meta.url)))
  .find((folder) => existsSync(folder));
if (!migrationsFolder)
  throw new Error("the drizzle folder with the migrations is neither beside the bundle nor in the repository");

/** Beside the bundle; a checkout has the assets in its node_modules. */
const bundledAssets = fileURLToPath(new URL("./assets", import.meta.url));

// A closed pipe also rejects the write of the command, which then ends in order and stops the embedded server.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

limitHeapGrowth();

process.exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  migrationsFolder,
  assetsFolder: existsSync(bundledAssets) ? bundledAssets : null,
  isInteractive: process.stdin.isTTY === true && process.stdout.isTTY === true,
});
