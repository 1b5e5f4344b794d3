import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { joinEmbedded, startEmbedded } from "./server.ts";
import { FAST, isRoot, makeTemplate, postmasterPid, query, removeTemplate, sandbox } from "./testing.ts";

const box = sandbox();
afterEach(() => box.cleanUp());

let template = "";
beforeAll(async () => {
  template = await makeTemplate();
});
afterAll(() => removeTemplate(template));

const usedFolder = () => box.copyOf(template);

describe("embedded server in one process", () => {
  it("the first start creates the database, and the second one finds its data and its port", async () => {
    const dataDir = box.folder();
    const notices: string[] = [];
    const first = await box.start({ dataDir, onNotice: (message) => notices.push(message) });
    expect(first).toMatchObject({ started: true, dataDir });
    expect(first.url).toMatch(new RegExp(`^postgres://payouts:[\\w-]{32}@127\\.0\\.0\\.1:${first.port}/payouts$`));
    expect(notices).toEqual([`Creating a new database in ${dataDir}`]);
    await query(first.url, "create table kept as select 42 as answer");
    await first.stop();
    expect(postmasterPid(dataDir)).toBeUndefined();

    const second = await box.start({ dataDir });
    expect(second).toMatchObject({ started: true, port: first.port, url: first.url });
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  it("the server listens on 127.0.0.1 only, without a socket file, with a password that only its user can read", async () => {
    const { dataDir, url } = await box.start({ dataDir: usedFolder() });
    const rows = await query(
      url,
      "select name, setting from pg_settings where name in ('listen_addresses', 'unix_socket_directories', 'max_connections', 'server_encoding', 'TimeZone')",
    );
    expect(Object.fromEntries(rows.map((row) => [row.name, row.setting]))).toEqual({
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      max_connections: "200",
      server_encoding: "UTF8",
      TimeZone: "UTC",
    });
    expect(await query(url, "select datcollate from pg_database where datname = 'payouts'")).toEqual([
      { datcollate: "C" },
    ]);
    await expect(query(url.replace(/:[^:@]*@/, ":wrong@"), "select 1")).rejects.toThrow(
      /password authentication failed/,
    );
    expect(statSync(join(dataDir, "password")).mode & 0o777).toBe(0o600);
    if (isRoot) expect(statSync(join(dataDir, "pg18")).uid).not.toBe(0);
  });

  it("extra settings reach the server, except those that would open it to others", async () => {
    const settings = { ...FAST, work_mem: "7MB", listen_addresses: "*" };
    const { url } = await box.start({ dataDir: usedFolder(), settings });
    expect(
      await query(url, "select current_setting('work_mem') as m, current_setting('listen_addresses') as l"),
    ).toEqual([{ m: "7MB", l: "127.0.0.1" }]);
  });

  it("two starts count as two users, and a repeated stop counts once", async () => {
    const dataDir = usedFolder();
    const [a, b] = await Promise.all([box.start({ dataDir }), box.start({ dataDir })]);
    expect(a.started).not.toBe(b.started);
    expect(b.url).toBe(a.url);
    await Promise.all([a.stop(), a.stop()]);
    expect(await query(b.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await b.stop();
    expect(postmasterPid(dataDir)).toBeUndefined();
    await a.stop();
  });

  it("a start renames a long log to server.log.1", async () => {
    const dataDir = usedFolder();
    const log = join(dataDir, "server.log");
    appendFileSync(log, "x".repeat(1_100_000));
    await box.start({ dataDir });
    expect(statSync(log).size).toBeLessThan(10_000);
    expect(statSync(`${log}.1`).size).toBeGreaterThan(1_000_000);
  });

  it("a start that asks for another port joins the running server on its port, with a notice", async () => {
    const dataDir = usedFolder();
    const first = await box.start({ dataDir });
    const notices: string[] = [];
    const second = await box.start({ dataDir, port: first.port + 1, onNotice: (message) => notices.push(message) });
    expect(second.port).toBe(first.port);
    expect(notices).toEqual([
      `The database already runs on port ${first.port}: port ${first.port + 1} is not used this time`,
    ]);
  });

  it("a server is joined only while it runs, and is not started for that", async () => {
    expect(await joinEmbedded({ dataDir: join(box.folder(), "none") })).toBeNull();
    const dataDir = usedFolder();
    expect(await joinEmbedded({ dataDir })).toBeNull();
    expect(postmasterPid(dataDir)).toBeUndefined();
    const first = await box.start({ dataDir });
    const joined = await joinEmbedded({ dataDir });
    expect(joined).toMatchObject({ started: false, url: first.url });
    await joined?.stop();
    expect(await query(first.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("a server whose folder was deleted while it ran is stopped", async () => {
    const dataDir = usedFolder();
    const server = await startEmbedded({ dataDir, settings: FAST });
    const pid = postmasterPid(dataDir);
    rmSync(dataDir, { recursive: true });
    await server.stop();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });
});

describe("embedded server in several processes", () => {
  it("several processes share one server, and the last one to leave stops it, whichever started it", async () => {
    const dataDir = usedFolder();
    const other = await box.client(dataDir);
    expect(other).toMatchObject({ started: true });
    const here = await box.start({ dataDir });
    expect(here).toMatchObject({ started: false, url: other.url });
    const third = await box.client(dataDir);
    expect(third).toMatchObject({ started: false, url: other.url });
    const clients = readdirSync(join(dataDir, "clients")).map((name) => Number(name.split("-")[0]));
    expect(new Set(clients)).toEqual(new Set([other.pid, third.pid, process.pid]));

    await other.leave();
    expect(await query(here.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await here.stop();
    expect(await query(here.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await third.leave();
    expect(postmasterPid(dataDir)).toBeUndefined();
    expect(readFileSync(join(dataDir, "server.log"), "utf8")).toContain("database system is shut down");
  });

  it("of processes that start at once on an empty folder, one starts the server and the others join it", async () => {
    const dataDir = box.folder();
    const clients = await Promise.all([
      box.client(dataDir),
      box.client(dataDir),
      box.start({ dataDir }),
      box.start({ dataDir }),
    ]);
    expect(clients.filter((client) => client.started)).toHaveLength(1);
    expect(new Set(clients.map((client) => client.url)).size).toBe(1);
  });
});
