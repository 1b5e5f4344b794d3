// Bundles the app in the current folder: src/main.ts -> dist/payouts.mjs, with the migrations and the static pages of the
// API's libraries beside it (apps/api/src/assets.ts has their paths). The first argument names another folder than dist.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
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

// A bundle that builds may still fail to load.
execFileSync(process.execPath, [`${folder}/payouts.mjs`, "--help"], { stdio: ["ignore", "ignore", "inherit"] });

function copyAsset(name, from, to) {
  const api = createRequire(join(root, "apps/api/package.json"));
  const source = join(dirname(api.resolve(`${name}/package.json`)), from);
  cpSync(source, `${folder}/assets/${to}`, { recursive: true });
}
