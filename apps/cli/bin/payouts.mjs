#!/usr/bin/env node
// Runs the TypeScript sources in a checkout, where a bundle may be outdated, and the bundle elsewhere. Both run in this
// process, so signals and exit codes need no forwarding.
import { existsSync } from "node:fs";

const bundle = new URL("../dist/payouts.mjs", import.meta.url);
const source = new URL("../src/main.ts", import.meta.url);

if (!existsSync(source)) {
  process.setSourceMapsEnabled(true);
  await import(bundle.href);
} else {
  const { register } = await import("tsx/esm/api");
  // The options in the project's tsconfig.json do not change the emitted code, and the working directory may have
  // another.
  register({ tsconfig: false });
  await import(source.href);
}
