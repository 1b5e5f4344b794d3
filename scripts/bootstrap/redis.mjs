// Finds a Redis server binary for the tests, which start private servers of their own; installs Debian's where that is possible.
import { spawnSync } from "node:child_process";
import { canUseApt, installPackage } from "./apt.mjs";
import { withLock } from "./lock.mjs";
import { BootstrapError, onPath, say } from "./process.mjs";

/** The oldest version that BullMQ supports. */
const REDIS_NEEDED = [6, 2];
const HOW_TO_INSTALL =
  "Install it: `brew install redis` (macOS), `sudo apt-get install redis-server` (Debian, Ubuntu), `sudo dnf install valkey` (Fedora); or set REDIS_SERVER_BIN.";

/**
 * Finds or installs a Redis server. Without one a line says that its suites are skipped.
 * @throws BootstrapError without one when CI is set
 */
export async function ensureRedis(root) {
  let found = findRedis(process.env);
  if (!found.file && !found.problem && canUseApt()) found = await withLock(root, installRedis);
  if (found.file) return;
  const why = found.problem ?? "no redis-server or valkey-server on the PATH";
  if (isOn(process.env.CI)) throw new BootstrapError(`${why}; with CI=true that is a failure. ${HOW_TO_INSTALL}`);
  say(`*** Redis suites will be SKIPPED: ${why}. ***\n           ${HOW_TO_INSTALL}`);
}

const isOn = (value) => Boolean(value) && value !== "false" && value !== "0";

/**
 * The first usable server: `{ file }`; or what is wrong with the first one found: `{ problem }`; or `{}` when none was found.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {{ file?: string, problem?: string }}
 */
export function findRedis(env) {
  const candidates = env.REDIS_SERVER_BIN ? [env.REDIS_SERVER_BIN] : onPath(["redis-server", "valkey-server"], env);
  const judged = candidates.map(judge);
  return judged.find((one) => one.file) ?? judged[0] ?? {};
}

function judge(file) {
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8", timeout: 10_000 });
  const version = parseRedisVersion(stdout ?? "");
  if (version && isAtLeast(version, REDIS_NEEDED)) return { file };
  return {
    problem: `${file} ${version ? `is version ${version.join(".")}` : "does not run"}, ${REDIS_NEEDED.join(".")} or later is needed`,
  };
}

/**
 * Major and minor version in the output of `redis-server --version`: "Redis server v=7.0.15 sha=...", "Valkey server v=8.1.0
 * ..." or, from very old servers, "version 2.4.10". Undefined for other text.
 */
export function parseRedisVersion(text) {
  const found = /server v(?:ersion |=)(\d+)\.(\d+)/.exec(text);
  return found ? [Number(found[1]), Number(found[2])] : undefined;
}

const isAtLeast = ([major, minor], [majorNeeded, minorNeeded]) =>
  major > majorNeeded || (major === majorNeeded && minor >= minorNeeded);

async function installRedis(lock) {
  const found = findRedis(process.env);
  if (found.file) return found; // another run installed it while this one waited
  await installPackage("redis-server", lock);
  return findRedis(process.env);
}
