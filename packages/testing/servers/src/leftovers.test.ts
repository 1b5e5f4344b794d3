import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { killAtEnd, sweep } from "./leftovers.ts";
import { startRedis } from "./redis-server.ts";

async function makeFolder(): Promise<string> {
  const folder = path.join(tmpdir(), `payouts-sweep-${randomUUID()}`);
  await mkdir(path.join(folder, "pg"), { recursive: true });
  return folder;
}

/** Starts a shell that waits for its input; what follows the script is only read by those who look at the process. */
async function startShell(
  { program = "/bin/sh", cwd = "/", env = {} }: { program?: string; cwd?: string; env?: Record<string, string> },
  args: readonly string[] = [],
): Promise<ChildProcess> {
  const child = spawn(program, ["-c", "echo ready; read line", "sh", ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["pipe", "pipe", "ignore"],
  });
  killAtEnd(child);
  await once(child.stdout, "data");
  return child;
}

describe.skipIf(!existsSync("/proc/self/comm"))("sweep of a folder", () => {
  it("processes with the TMPDIR of the folder and servers that run in it are killed, and the folder is removed", async () => {
    const folder = await makeFolder();
    const elsewhere = await makeFolder();
    onTestFinished(async () => void (await sweep(elsewhere)));
    const program = path.join(elsewhere, "postgres");
    await symlink("/bin/sh", program);
    const started = [
      await startShell({ env: { TMPDIR: path.join(folder, "tmp") } }),
      await startShell({ program, cwd: path.join(folder, "pg") }),
      await startShell({ program }, [path.join(folder, "pg")]),
    ];
    const killed = await sweep(folder);
    expect(new Set(killed.map(({ pid }) => pid))).toEqual(new Set(started.map(({ pid }) => pid)));
    expect(existsSync(folder)).toBe(false);
  });

  it.skipIf(inject("redisBinary") === null)("a Redis of the folder is killed", async () => {
    const folder = await makeFolder();
    const { pid } = await startRedis({ binary: inject("redisBinary") ?? "", folder });
    expect((await sweep(folder)).map((user) => user.pid)).toEqual([pid]);
  });

  it("a shell in the folder and programs that name it are left alone", async () => {
    const folder = await makeFolder();
    const others = [
      await startShell({ cwd: path.join(folder, "pg") }),
      await startShell({ env: { OLDPWD: path.join(folder, "pg") } }),
      await startShell({}, [path.join(folder, "pg", "log")]),
    ];
    expect(await sweep(folder)).toEqual([]);
    for (const { exitCode, signalCode } of others) expect([exitCode, signalCode]).toEqual([null, null]);
  });
});
