// Finds PgBouncer for the tests, which start a private one; installs Debian's where that is possible.
import { delimiter } from "node:path";
import { canUseApt, installPackage } from "./apt.mjs";
import { withLock } from "./lock.mjs";
import { onPath, say } from "./process.mjs";

/** Unlike a missing Redis this stops nothing: with CI=true the tests that need it fail by themselves. */
export async function ensurePgBouncer(root) {
  if (!findPgBouncer(process.env) && canUseApt()) await withLock(root, installPgBouncer);
  if (!findPgBouncer(process.env)) say("*** PgBouncer suites will be SKIPPED: no pgbouncer on the PATH. ***");
}

/**
 * The program, or null. Debian puts it where only root looks.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {string | null}
 */
export function findPgBouncer(env) {
  const [file] = onPath(["pgbouncer"], { PATH: [env.PATH, "/usr/sbin"].filter(Boolean).join(delimiter) });
  return file ?? null;
}

async function installPgBouncer(lock) {
  if (!findPgBouncer(process.env)) await installPackage("pgbouncer", lock);
}
