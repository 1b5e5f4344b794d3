import { fileURLToPath } from "node:url";
import { ensurePackages } from "./packages.mjs";
import { ensurePgBouncer } from "./pgbouncer.mjs";
import { BootstrapError, say } from "./process.mjs";
import { ensureRedis } from "./redis.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs the steps that the command line asks for. A failure is printed and sets exit code 1. */
export async function main(args) {
  try {
    await ensurePackages(root);
    if (args.includes("--redis")) await ensureRedis(root);
    if (args.includes("--pgbouncer")) await ensurePgBouncer(root);
  } catch (error) {
    say(error instanceof BootstrapError ? error.message : error.stack);
    process.exitCode = 1;
  }
}
