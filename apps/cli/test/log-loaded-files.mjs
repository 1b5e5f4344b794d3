// Preloaded with `node --import`: writes the URL of every file that the program loads to the file LOADED_FILES_LOG.
import { appendFileSync } from "node:fs";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

// The hooks run in a thread of their own, which loads this module again.
if (isMainThread) register(import.meta.url);

export async function load(url, context, nextLoad) {
  if (url.startsWith("file:")) appendFileSync(process.env.LOADED_FILES_LOG ?? "", `${url}\n`);
  return nextLoad(url, context);
}
