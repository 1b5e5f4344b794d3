import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ServerProcess {
  readonly pid: number;
  /** Ends the process with a signal and waits until it is gone. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/** Starts a server program and waits until it listens on a port of the loopback interface. */
export async function startServer(program: string, args: readonly string[], port: number): Promise<ServerProcess> {
  const child = spawn(program, args, { stdio: "ignore" });
  await untilListening(child, program, port);
  return {
    pid: child.pid ?? 0,
    stop: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
    },
  };
}

async function untilListening(child: ChildProcess, program: string, port: number): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS;
  let spawnError: Error | null = null;
  child.once("error", (error) => {
    spawnError = error;
  });
  while (performance.now() < end) {
    if (spawnError) throw spawnError;
    if (child.exitCode !== null) throw new Error(`${program} ended with exit code ${child.exitCode}`);
    if (await accepts(port)) return;
    await sleep(20);
  }
  child.kill("SIGKILL");
  throw new Error(`${program} did not listen on port ${port} within ${START_TIMEOUT_MS} ms`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}
