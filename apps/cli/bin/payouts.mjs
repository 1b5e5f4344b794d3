#!/usr/bin/env node
// Runs the TypeScript sources in a checkout (a bundle there may be older than they are) and the bundle elsewhere, in this
// very process, so that signals and exit codes need no forwarding.
import { existsSync } from "node:fs";

const bundle = new URL("../dist/payouts.mjs", import.meta.url);
const source = new URL("../src/main.ts", import.meta.url);

if (!existsSync(source)) {
  process.setSourceMapsEnabled(true);
  await import(bundle.href);
} else {
  const { register } = await import("tsx/esm/api");
  // Compiler options in our tsconfig.json do not change the emitted code, and the folder the user stands in may hold another one.
  register({ tsconfig: false });
  await import(source.href);
}
