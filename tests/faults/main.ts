// `npm run test:faults -- [--quick] [--seed N] [--users N] ... [FILE...] [-- OPTIONS OF VITEST]`: plays the storms. Prints the
// command that plays the same storms again, before them and, if one fails, after them.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { FaultUsageError, readFaultOptions, replayCommand } from "./options.ts";

try {
  process.exitCode = play(process.argv.slice(2));
} catch (cause) {
  if (!(cause instanceof FaultUsageError)) throw cause;
  console.error(`test:faults: ${cause.message}`);
  process.exitCode = 2;
}

function play(args: readonly string[]): number {
  const dashes = args.includes("--") ? args.indexOf("--") : args.length;
  const { options, files } = readFaultOptions(args.slice(0, dashes));
  const replay = replayCommand(options);
  console.log(`test:faults: ${replay}`);
  const config = path.join(import.meta.dirname, "vitest.config.ts");
  const vitest = ["run", "--config", config, ...files, ...args.slice(dashes + 1)];
  const { status } = spawnSync("vitest", vitest, {
    stdio: "inherit",
    env: { ...process.env, PAYOUTS_FAULTS: JSON.stringify(options) },
    shell: process.platform === "win32",
  });
  if (status !== 0) console.error(`test:faults: to play the same storms again: ${replay}`);
  return status ?? 1;
}
