#!/usr/bin/env node
// Runs the bundle in this very process, so that signals and exit codes need no forwarding. In a checkout it is built from the
// sources whenever they have changed; elsewhere there is only the bundle.
import { existsSync } from "node:fs";

const source = new URL("../src/main.ts", import.meta.url);

if (!existsSync(source)) {
  await import(new URL("../dist/payouts.mjs", import.meta.url).href);
} else {
  const { checkoutBundle } = await import("../../../scripts/checkout-bundle.mjs");
  await import(await checkoutBundle().catch(sourcesUnlessWritable));
}

/** A checkout that belongs to another user runs from its sources, which costs two seconds more per start. */
async function sourcesUnlessWritable(error) {
  if (!["EACCES", "EPERM", "EROFS", "ENOSPC"].includes(error.code)) throw error;
  const { register } = await import("tsx/esm/api");
  // Compiler options in tsconfig.json do not change the emitted code, and the user's working directory may hold another tsconfig.json.
  register({ tsconfig: false });
  return source.href;
}
