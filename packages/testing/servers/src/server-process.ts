import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { stallWatch } from "./stall.ts";

export interface ServerProcess {
  readonly pid: number;
  /** Ends the process with a signal and waits until it is gone. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

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
  const watch = stallWatch(`${program}, which is to listen on port ${port}`);
  let spawnError: Error | null = null;
  child.once("error", (error) => {
    spawnError = error;
  });
  try {
    while (!(await accepts(port))) {
      if (spawnError) throw spawnError;
      if (child.exitCode !== null) throw new Error(`${program} ended with exit code ${child.exitCode}`);
      watch.look("not listening");
      await sleep(20);
    }
  } catch (cause) {
    child.kill("SIGKILL");
    throw cause;
  }
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
