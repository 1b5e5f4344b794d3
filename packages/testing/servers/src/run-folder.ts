import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Followed by the process id of the test runner, by which a later run recognises the folders of runs that have ended. */
export const RUN_FOLDER_PREFIX = "payouts-tests-";

/**
 * The folder that holds everything that one run of the tests creates, named after this process. Processes that
 * the tests leave behind are found by this folder and killed when the run is over, see `sweep`.
 */
export function runFolder(): string {
  return path.join(realpathSync(tmpdir()), `${RUN_FOLDER_PREFIX}${process.pid}`);
}

/** The temporary folder of the processes that run tests. */
export function temporaryFolder(folder: string): string {
  return path.join(folder, "tmp");
}
