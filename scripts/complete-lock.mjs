// Run after an install that changed package-lock.json. npm leaves an optional platform package out of the lock file when the
// registry in use cannot serve it (a mirror with some platforms only), and `npm ci` then refuses the lock file everywhere.
// This script adds the missing entries, without an integrity hash, in the exact version of the parent's optionalDependencies.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const PLATFORM =
  /(?<os>android|darwin|freebsd|linux|openharmony|win32|windows)-(?<cpu>arm-eabi|arm-gnueabihf|arm-musleabihf|arm64|arm|x64|ia32|ppc64|riscv64|s390x|64)(?:-(?<abi>gnu|musl|msvc))?$/;

/** Every optional dependency that a package in the lock file names but that has no entry of its own. */
export function missingOptional(packages) {
  const missing = [];
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (!lookUp(packages, path, name)) missing.push({ name, version, dev });
    }
  }
  return missing;
}

/** Resolves a package as Node does: in the nearest node_modules on the way up. */
function lookUp(packages, from, name) {
  for (let dir = from; ; dir = dir.slice(0, Math.max(0, dir.lastIndexOf("/node_modules/")))) {
    const found = packages[`${dir}${dir ? "/" : ""}node_modules/${name}`];
    if (found || dir === "") return found;
  }
}

function entry({ name, version, dev }, packages) {
  const { os, cpu, abi } = PLATFORM.exec(name)?.groups ?? {};
  if (!os || !/^\d/.test(version)) throw new Error(`Unknown platform of ${name}@${version}: add it by hand.`);
  const scope = `node_modules/${name.split("/")[0]}/`;
  const sibling = Object.entries(packages).find(([path, p]) => path.startsWith(scope) && p.version === version)?.[1];
  const libc = `${cpu}-${abi}`.includes("musl") ? ["musl"] : /gnu/.test(`${cpu}-${abi}`) ? ["glibc"] : undefined;
  return {
    version,
    cpu: [cpu.startsWith("arm-") ? "arm" : cpu === "64" ? "x64" : cpu],
    ...(dev && { dev }),
    ...(libc && { libc }),
    ...(sibling?.license && { license: sibling.license }),
    optional: true,
    os: [os === "windows" ? "win32" : os],
    ...(sibling?.engines && { engines: sibling.engines }),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = fileURLToPath(new URL("../package-lock.json", import.meta.url));
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = missingOptional(lock.packages);
  for (const one of missing) lock.packages[`node_modules/${one.name}`] = entry(one, lock.packages);
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => (a === "" ? -1 : b === "" ? 1 : a.localeCompare(b, "en"))),
  );
  if (missing.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json: ${missing.length} platform packages added`);
}
