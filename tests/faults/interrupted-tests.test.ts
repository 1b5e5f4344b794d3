import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { eventually, RUN_FOLDER_PREFIX, repositoryRoot, usersOf } from "@cpa-payouts/testing-servers";
import { it } from "vitest";

/** Goal: a run of the tests that is interrupted leaves nothing on the machine of a contributor. */
it.each(["SIGINT", "SIGTERM"] as const)(
  "a test run that %s interrupts leaves no process and no folder",
  async (signal) => {
    const vitest = path.join(repositoryRoot, "node_modules", "vitest", "vitest.mjs");
    const { PATH, HOME } = process.env;
    // Below the folder of this run, which removes what the other one leaves.
    const parent = realpathSync(tmpdir());
    const run = spawn(process.execPath, [vitest, "run", "apps/cli/test/embedded.test.ts"], {
      cwd: repositoryRoot,
      env: { PATH, HOME, TMPDIR: parent },
      stdio: "ignore",
    });
    const folder = path.join(parent, `${RUN_FOLDER_PREFIX}${run.pid}`);
    const ended = once(run, "exit");
    // Its own server, and a command with a server of its own.
    await eventually(async () => (await usersOf(folder)).some(({ command }) => / up( |$)/.test(command)));
    run.kill(signal);
    await ended;
    await eventually(async () => !existsSync(folder) && (await usersOf(folder)).length === 0);
  },
);
