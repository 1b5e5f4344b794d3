import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PATIENCE } from "./postmaster.ts";
import { identify, isRunning } from "./processes.ts";
import { startWith } from "./server.ts";
import { ownerOf } from "./system-user.ts";
import {
  FAST,
  failure,
  isRoot,
  killHard,
  makeTemplate,
  postmasterPid,
  query,
  removeTemplate,
  sandbox,
} from "./testing.ts";

const box = sandbox();
afterEach(() => box.cleanUp());

/** A frozen server exceeds any limit. The one that replaces it must not, on a slow machine either. */
const SHORT_LIMITS = { ...PATIENCE, answerMs: 1_000, silenceMs: 3_000, stopMs: 300, quitMs: 2_000 };

let template = "";
beforeAll(async () => {
  template = await makeTemplate();
});
afterAll(() => removeTemplate(template));

const usedFolder = () => box.copyOf(template);

async function expectKept(url: string): Promise<void> {
  expect(await query(url, "select answer from kept")).toEqual([{ answer: 42 }]);
}

/** Writes the postmaster.pid of a stopped server with the given process id, as a crash would leave it. */
async function pretendServer(dataDir: string, pid: number, port = 1): Promise<void> {
  const cluster = join(dataDir, "pg18");
  writeFileSync(
    join(cluster, "postmaster.pid"),
    `${pid}\n${cluster}\n1700000000\n${port}\n\n127.0.0.1\n  123456  1\nready   \n`,
  );
}

describe("kill -9 of the process that started the server", () => {
  it("the next process joins the orphaned server, and the last one to leave stops it", async () => {
    const dataDir = usedFolder();
    const killed = await box.client(dataDir);
    const orphan = postmasterPid(dataDir);
    await killed.kill();
    expect(postmasterPid(dataDir)).toBe(orphan);

    const next = await box.start({ dataDir });
    expect(next).toMatchObject({ started: false, url: killed.url });
    await next.stop();
    expect(postmasterPid(dataDir)).toBeUndefined();
    expect(readdirSync(join(dataDir, "clients"))).toEqual([]);
  });

  it("a process killed while it held the lock does not delay the next start", async () => {
    const dataDir = usedFolder();
    const dead = box.program("true", []);
    const identity = await identify(dead.pid ?? 0);
    await killHard(dead.pid);
    writeFileSync(join(dataDir, "locks", `${dead.pid}-${identity?.startedAt ?? 1}-0badcafe`), "");
    // A living process with the same id, but started at another time, is not the holder either.
    writeFileSync(join(dataDir, "locks", `${process.pid}-1-0badcafe`), "");
    const notices: string[] = [];
    // A start that waits for the holder of the lock says so, and fails in the end.
    await box.start({ dataDir, onNotice: (notice) => notices.push(notice) });
    expect(notices).toEqual([]);
    expect(readdirSync(join(dataDir, "locks"))).toEqual([]);
  });

  it("a database whose creation was killed is created again", async () => {
    const dataDir = box.folder();
    mkdirSync(dataDir);
    cpSync(join(template, "pg18", "base"), join(dataDir, "pg18.new-0badcafe", "base"), { recursive: true });
    const server = await box.start({ dataDir });
    expect(server.started).toBe(true);
    expect(readdirSync(dataDir).filter((name) => name.startsWith("pg18"))).toEqual(["pg18"]);
  });

  it("the next start succeeds after a kill at any moment of the first one", async () => {
    for (const afterMs of [300, 500]) {
      const dataDir = box.folder();
      const program = box.program(process.execPath, [
        "--import",
        "tsx",
        join(import.meta.dirname, "testing-client.ts"),
        dataDir,
      ]);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await killHard(program.pid);
      const server = await box.start({ dataDir });
      expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
      await server.stop();
    }
  });
});

describe("unusable server", () => {
  it("a killed server is restarted by the next process, with its data and its port", async () => {
    const dataDir = usedFolder();
    const first = await box.start({ dataDir });
    await killHard(postmasterPid(dataDir));
    const second = await box.start({ dataDir });
    expect(second).toMatchObject({ started: true, url: first.url });
    await expectKept(second.url);
    await first.stop();
    await expectKept(second.url);
  });

  it("a server that does not answer is replaced", async () => {
    const dataDir = usedFolder();
    const killed = await box.client(dataDir);
    const frozen = postmasterPid(dataDir) ?? 0;
    await killed.kill();
    process.kill(frozen, "SIGSTOP");
    const notices: string[] = [];
    const server = await startWith(
      { dataDir, settings: FAST, onNotice: (message) => notices.push(message) },
      SHORT_LIMITS,
    );
    expect(server.started).toBe(true);
    expect(notices[0]).toBe(`The database server (process ${frozen}) does not answer: starting it again`);
    expect(await identify(frozen)).toBeUndefined();
    await expectKept(server.url);
    await server.stop();
  });
});

describe("postmaster.pid left by a crash", () => {
  it("a stale process id that belongs to another program does not prevent a start, and that program keeps running", async () => {
    const dataDir = usedFolder();
    const user = isRoot ? await ownerOf(join(dataDir, "pg18")) : undefined;
    // As the user that PostgreSQL runs as: only then would PostgreSQL itself refuse to start.
    const stranger = box.program("sleep", ["3600"], user);
    const identity = await identify(stranger.pid ?? 0);
    await pretendServer(dataDir, stranger.pid ?? 0);
    const server = await box.start({ dataDir });
    expect(server.started).toBe(true);
    await expectKept(server.url);
    await server.stop();
    expect(identity && (await isRunning(identity))).toBe(true);
  });

  it("a stale process id of another folder's server makes a start neither join nor stop that server", async () => {
    const dataDir = usedFolder();
    const other = await box.start({ dataDir: usedFolder() });
    await pretendServer(dataDir, postmasterPid(other.dataDir) ?? 0, other.port);
    const server = await box.start({ dataDir });
    expect(server.started).toBe(true);
    expect(server.port).not.toBe(other.port);
    await server.stop();
    expect(await query(other.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("a pid file is ignored when its process has ended, or when a crash or a full disk left it empty", async () => {
    const dataDir = usedFolder();
    await pretendServer(dataDir, 2 ** 22 + 1);
    await (await box.start({ dataDir })).stop();
    writeFileSync(join(dataDir, "pg18", "postmaster.pid"), "");
    await expectKept((await box.start({ dataDir })).url);
  });
});

describe("password file", () => {
  it("a lost password is replaced, and the database opens with the new one", async () => {
    const dataDir = usedFolder();
    const old = readFileSync(join(dataDir, "password"), "utf8");
    rmSync(join(dataDir, "password"));
    const server = await box.start({ dataDir });
    expect(server.url).not.toContain(old.trim());
    await expectKept(server.url);
  });

  it("a wrong password is an error that says how to get a new one, even while others use the server", async () => {
    const dataDir = usedFolder();
    const other = await box.client(dataDir);
    writeFileSync(join(dataDir, "password"), "wrong\n");
    expect((await failure(box.start({ dataDir }))).message).toMatch(
      /is not that of the running database: end all other `payouts` processes/,
    );
    await other.kill();
    expect((await failure(box.start({ dataDir }))).message).toMatch(/delete the file and start again/);
    expect(existsSync(join(dataDir, "pg18", "postmaster.pid"))).toBe(false);
    rmSync(join(dataDir, "password"));
    await expectKept((await box.start({ dataDir })).url);
  });
});
