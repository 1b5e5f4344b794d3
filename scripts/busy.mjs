// `node scripts/busy.mjs COMMAND...`: runs a command while busy loops take all cores. `npm run test:busy` must pass like `npm test`,
// because no test may depend on speed.
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";

const [command, ...args] = process.argv.slice(2);
if (!command) {
  console.error("busy: name a command, such as `node scripts/busy.mjs npm test`");
  process.exit(2);
}

const loops = Array.from({ length: availableParallelism() }, () =>
  // The loop ends by itself when this process is killed, because it then has another parent.
  spawn(process.execPath, ["-e", "const parent = process.ppid; while (process.ppid === parent);"], { stdio: "ignore" }),
);
const child = spawn(command, args, { stdio: "inherit", shell: process.platform === "win32" });
const forward = (signal) => child.kill(signal);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, forward);
child.on("error", (error) => {
  console.error(`busy: ${command} could not be started: ${error.message}`);
  end(1);
});
child.on("exit", (code) => end(code ?? 1));

function end(code) {
  for (const loop of loops) loop.kill("SIGKILL");
  process.exitCode = code;
  for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, forward);
}
