// Bundles the app in the current folder: src/main.ts -> dist/payouts.mjs, with the migrations beside it; another folder
// than dist may be named.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const [folder = "dist"] = process.argv.slice(2);

rmSync(folder, { recursive: true, force: true });
await bundle("src/main.ts", `${folder}/payouts.mjs`);
cpSync(`${root}/drizzle`, `${folder}/drizzle`, { recursive: true });

// A bundle may build and still not load.
execFileSync(process.execPath, [`${folder}/payouts.mjs`, "--help"], { stdio: ["ignore", "ignore", "inherit"] });
