// Bundles the app in the current folder: src/main.ts -> dist/payouts.mjs, with the migrations and the static pages of the
// API's libraries beside it (apps/api/src/assets.ts has their paths). The first argument names another folder than dist.
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const [folder = "dist"] = process.argv.slice(2);

rmSync(folder, { recursive: true, force: true });
await bundle({ entry: "src/main.ts", folder, name: "payouts" });
cpSync(`${root}/drizzle`, `${folder}/drizzle`, { recursive: true });
copyAsset("@bull-board/ui", "dist", "board/dist");
copyAsset("@fastify/swagger-ui", "static", "documentation");
// The native module that hashes passwords, for the platform of this machine: the loader finds it beside the bundle.
for (const name of installedWithPrefix("@node-rs", "argon2"))
  cpSync(join(root, "node_modules", name), join(folder, "node_modules", name), { recursive: true, dereference: true });

// A bundle that builds may still fail to load.
execFileSync(process.execPath, [`${folder}/payouts.mjs`, "--help"], { stdio: ["ignore", "ignore", "inherit"] });

function installedWithPrefix(scope, prefix) {
  const names = readdirSync(join(root, "node_modules", scope));
  return names.filter((name) => name.startsWith(prefix)).map((name) => `${scope}/${name}`);
}

function copyAsset(name, from, to) {
  const api = createRequire(join(root, "apps/api/package.json"));
  const source = join(dirname(api.resolve(`${name}/package.json`)), from);
  cpSync(source, `${folder}/assets/${to}`, { recursive: true });
}
