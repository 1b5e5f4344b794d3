import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openDataFolder } from "./data-folder.ts";
import { EmbeddedPostgresError } from "./errors.ts";
import { findPostmaster } from "./postmaster.ts";
import { startEmbedded } from "./server.ts";
import { FAST, failure, isRoot, makeTemplate, removeTemplate, sandbox } from "./testing.ts";

const box = sandbox();
afterEach(() => box.cleanUp());

let template = "";
beforeAll(async () => {
  template = await makeTemplate();
});
afterAll(() => removeTemplate(template));

/** A stopped database to damage, and the path of its cluster. */
function usedFolder(): { dataDir: string; cluster: string } {
  const dataDir = box.copyOf(template);
  return { dataDir, cluster: join(dataDir, "pg18") };
}

/** Expects a start to fail with a one-line error, and returns its message. */
async function refused(dataDir: string, port?: number): Promise<string> {
  const error = await failure(startEmbedded({ dataDir, settings: FAST, ...(port === undefined ? {} : { port }) }));
  expect(error).toBeInstanceOf(EmbeddedPostgresError);
  expect(error.message).not.toMatch(/\n/);
  return error.message;
}

describe("unusable data folder", () => {
  it("a cluster of another major version is refused, whether the folder's name or its content shows it", async () => {
    const { dataDir, cluster } = usedFolder();
    writeFileSync(join(cluster, "PG_VERSION"), "17\n");
    expect(await refused(dataDir)).toMatch(
      /pg18 was made by PostgreSQL 17, which PostgreSQL 18 cannot read: dump it with version 17/,
    );
    renameSync(cluster, join(dataDir, "pg17"));
    expect(await refused(dataDir)).toMatch(/pg17 was made by PostgreSQL 17, which PostgreSQL 18 cannot read/);
    expect(readdirSync(dataDir)).not.toContain("pg18");
  });

  it.each([
    ["without PG_VERSION", "PG_VERSION is missing", (cluster: string) => rmSync(join(cluster, "PG_VERSION"))],
    [
      "with another text in PG_VERSION",
      "PG_VERSION holds no version",
      (cluster: string) => writeFileSync(join(cluster, "PG_VERSION"), "\0\0garbage"),
    ],
    [
      "without the folder global",
      "global/pg_control is missing",
      (cluster: string) => rmSync(join(cluster, "global"), { recursive: true }),
    ],
    [
      "without global/pg_control",
      "global/pg_control is missing",
      (cluster: string) => rmSync(join(cluster, "global", "pg_control")),
    ],
  ])("a cluster %s is refused as damaged", async (_which, what, damage) => {
    const { dataDir, cluster } = usedFolder();
    damage(cluster);
    expect(await refused(dataDir)).toBe(
      `The database in ${cluster} is damaged (${what}): restore it from a backup, or move it away to begin with an empty one`,
    );
  });

  it("damage that only the server notices is reported in the server's words, with the path of its log", async () => {
    const { dataDir, cluster } = usedFolder();
    writeFileSync(join(cluster, "global", "pg_control"), Buffer.alloc(8192));
    expect(await refused(dataDir)).toMatch(
      /did not start: database files are incompatible with server\. See .*server\.log, repair that, or restore/,
    );
    rmSync(join(cluster, "pg_wal"), { recursive: true });
    expect(await refused(dataDir)).toMatch(/did not start: /);
  });

  it("PostgreSQL's own data folder is refused", async () => {
    const { cluster } = usedFolder();
    expect(await refused(cluster)).toMatch(/is PostgreSQL's own data folder: name another folder/);
  });

  it("a path that is a file, or below a file, is refused", async () => {
    const file = box.folder();
    writeFileSync(file, "");
    expect(await refused(file)).toBe(
      `The database folder cannot be ${file}, because a file is in its place: choose another folder with --data-dir`,
    );
    expect(await refused(join(file, "below"))).toMatch(/^A file is in the way of the database folder/);
  });

  it.skipIf(isRoot)("a folder without write permission is refused", async () => {
    const dataDir = box.folder();
    mkdirSync(dataDir, { mode: 0o500 });
    expect(await refused(dataDir)).toMatch(/^No permission for .*: run as the user who owns the database folder/);
    chmodSync(dataDir, 0o700);
  });

  it("a setting that PostgreSQL does not know is refused by name", async () => {
    const { dataDir } = usedFolder();
    const error = await failure(startEmbedded({ dataDir, settings: { no_such_setting: "1" } }));
    expect(error.message).toMatch(/did not start: unrecognized configuration parameter "no_such_setting"\. See/);
  });
});

describe("taken port", () => {
  it("a taken port is an error when it was asked for, and is replaced by a free one otherwise", async () => {
    const { dataDir } = usedFolder();
    const port = Number(readFileSync(join(dataDir, "port"), "utf8"));
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(port, "127.0.0.1", resolve));
    try {
      expect(await refused(dataDir, port)).toBe(
        `Port ${port} of 127.0.0.1 is taken by another program: choose another port for the database, or none to get a free one`,
      );
      expect((await box.start({ dataDir })).port).not.toBe(port);
    } finally {
      squatter.close();
    }
  });
});

/** Mounts a separate file system; undefined without root and the right to mount, which the tests below need. */
function mount(options: string): string | undefined {
  const path = box.folder();
  mkdirSync(path);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path], { stdio: "ignore" });
    return path;
  } catch {
    return undefined;
  }
}

const canMount = (() => {
  const path = isRoot ? mount("size=1m") : undefined;
  if (path) execFileSync("umount", [path]);
  return path !== undefined;
})();
if (!canMount)
  console.warn("SKIPPED: full disk and read-only file system, since only root with the right to mount can make them");

describe.skipIf(!canMount)("file system of the data folder", () => {
  it("a disk that is full while the database is created is reported, and no incomplete cluster stays", async () => {
    const path = mount("size=20m,mode=0755") ?? "";
    try {
      expect(await refused(path)).toMatch(/^The disk of the database folder .* is full: free some space/);
      expect(readdirSync(path).filter((name) => name.startsWith("pg18"))).toEqual([]);
      execFileSync("mount", ["-o", "remount,size=200m", path]);
      await (await box.start({ dataDir: path })).stop();
    } finally {
      execFileSync("umount", [path]);
    }
  });

  it("an existing database on a full disk or a read-only file system is refused with that reason", async () => {
    const path = mount("size=60m,mode=0755") ?? "";
    try {
      execFileSync("cp", ["-a", `${template}/.`, path]);
      execFileSync("sh", ["-c", `cat /dev/zero > '${path}/filler' 2>/dev/null || true`]);
      expect(await refused(path)).toMatch(/^The disk of the database folder .* is full: free some space/);
      expect(await findPostmaster(await openDataFolder(path, "18", () => undefined))).toBeUndefined();
      rmSync(join(path, "filler"));
      execFileSync("mount", ["-o", "remount,ro", path]);
      expect(await refused(path)).toMatch(
        /is on a read-only file system: choose another folder with --data-dir, or set DATABASE_URL/,
      );
    } finally {
      execFileSync("umount", [path]);
    }
  });
});
