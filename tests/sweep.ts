// `node --import tsx tests/sweep.ts FOLDER`: kills what uses the folder of a test run, and removes the folder.
import { sweep } from "../packages/testing/servers/src/leftovers.ts";

await sweep(process.argv[2] ?? "");
