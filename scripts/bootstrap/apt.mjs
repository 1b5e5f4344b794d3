// Installs servers for the tests from Debian's packages, where that is possible. Their services are not started.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { onPath, run, say, secondsSince } from "./process.mjs";

const POLICY_FILE = "/usr/sbin/policy-rc.d";

/** Whether this process may install Debian packages: it is root on Debian or Ubuntu, and not in production. */
export function canUseApt() {
  if (process.env.NODE_ENV === "production" || process.getuid?.() !== 0) return false;
  return existsSync("/etc/debian_version") && onPath(["apt-get"], process.env).length > 0;
}

/** Installs a Debian package. A failure is printed, not thrown: the caller looks for the program afterwards. */
export async function installPackage(name, lock) {
  const start = Date.now();
  say(`no ${name} found: installing Debian's for the tests, its service is not started ...`);
  const failure = await withoutStartingServices(POLICY_FILE, async () => {
    const update = await apt(["update"], lock);
    return update ?? apt(["install", "-y", "--no-install-recommends", name], lock);
  });
  say(failure ? `apt-get failed: ${failure}` : `${name} installed in ${secondsSince(start)}`);
}

/**
 * Runs `work` while Debian's packages cannot start their services: they ask policy-rc.d first, and its exit code 101 forbids
 * it. The tests need the program, not a server on its usual port. An existing policy is kept.
 */
export async function withoutStartingServices(policyFile, work) {
  if (existsSync(policyFile)) return work();
  const restore = () => rmSync(policyFile, { force: true });
  process.once("exit", restore); // also after Ctrl-C: a policy file left behind would keep every later package from starting its service
  writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return await work();
  } finally {
    process.removeListener("exit", restore);
    restore();
  }
}

/** Runs apt-get; returns the last line of its output when it failed, else undefined. */
async function apt(args, lock) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { code, output } = await run("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=120", ...args], { env }, lock);
  return code === 0 ? undefined : (output.trim().split("\n").pop() ?? `exit code ${code}`);
}
