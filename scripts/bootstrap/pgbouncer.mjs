// Finds PgBouncer for the tests, which start a private one; installs Debian's where that is possible.
import { delimiter } from "node:path";
import { canUseApt, installPackage } from "./apt.mjs";
import { withLock } from "./lock.mjs";
import { onPath, say } from "./process.mjs";

/** Finds or installs PgBouncer. Unlike a missing Redis, a missing PgBouncer is not an error here: with CI=true its tests fail. */
export async function ensurePgBouncer(root) {
  if (!findPgBouncer(process.env) && canUseApt()) await withLock(root, installPgBouncer);
  if (!findPgBouncer(process.env)) say("*** PgBouncer suites will be SKIPPED: no pgbouncer on the PATH. ***");
}

/**
 * The path of the program, or null. Debian installs it in /usr/sbin, which is on root's PATH only.
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
