import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A failure that the user can fix: its message is printed without a stack trace. */
export class BootstrapError extends Error {}

/** Prints a line to stderr: stdout belongs to the command that runs next. */
export const say = (line) => process.stderr.write(`bootstrap: ${line}\n`);

/** The time since `start`, an instant in milliseconds, for a message: "1.5 s". */
export const secondsSince = (start) => `${((Date.now() - start) / 1000).toFixed(1)} s`;

/**
 * Runs a command silently under the lock; returns exit code and output. Asynchronous, because the lock's heartbeat must go
 * on.
 */
export function run(command, args, options, lock) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  lock.guards(child);
  return new Promise((resolve) => {
    let output = "";
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => resolve({ code: 1, output: `${command} could not be started: ${error.message}` }));
    child.on("close", (code, signal) => resolve({ code: signal ? 1 : code, output }));
  });
}

/** The existing files with these names in the folders of the PATH. */
export function onPath(names, env) {
  const folders = (env.PATH ?? "").split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).filter((file) => existsSync(file));
}
