import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ROOTS_FOLDER } from "./data-folder.ts";
import { firstClosedFolder, unprivilegedUser } from "./system-user.ts";
import { failure, isRoot, postmasterPid, query, sandbox } from "./testing.ts";

const box = sandbox();
afterEach(() => box.cleanUp());

const NOBODY = { uid: 65_534, gid: 65_534 };
if (!isRoot) console.warn("SKIPPED: tests of data folders that root uses, since only root can run them");

/** A folder that only root can enter. */
function closedFolder(): string {
  const path = box.folder();
  mkdirSync(path, { mode: 0o700 });
  return path;
}

describe.skipIf(!isRoot)("root", () => {
  it("root runs PostgreSQL as another user, in a folder that this user can enter", async () => {
    const server = await box.start({ dataDir: box.folder() });
    const owner = statSync(join(server.dataDir, "pg18")).uid;
    expect(owner).not.toBe(0);
    expect(statSync(`/proc/${postmasterPid(server.dataDir)}`).uid).toBe(owner);
  });

  it("a folder that PostgreSQL's user cannot enter keeps its mode, and a notice names the folder used instead", async () => {
    const closed = closedFolder();
    const notices: string[] = [];
    const onNotice = (message: string) => notices.push(message);
    const first = await box.start({ dataDir: join(closed, "data"), onNotice });
    expect(first.dataDir).toMatch(new RegExp(`^${ROOTS_FOLDER}/[0-9a-f]{12}$`));
    expect(notices[0]).toBe(
      `PostgreSQL cannot run as root, and the user it runs as cannot enter ${closed}: the database is kept in ${first.dataDir} instead`,
    );
    await query(first.url, "create table kept as select 42 as answer");
    await first.stop();
    expect(statSync(closed).mode & 0o777).toBe(0o700);
    expect(readdirSync(closed)).toEqual([]);

    // The folder is opened to others: the data must still be found.
    chmodSync(closed, 0o755);
    const second = await box.start({ dataDir: join(closed, "data"), onNotice });
    expect(second.dataDir).toBe(first.dataDir);
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  it("a database that PostgreSQL's user can no longer enter is refused, not replaced by an empty one", async () => {
    const parent = closedFolder();
    chmodSync(parent, 0o755);
    const dataDir = join(parent, "data");
    await (await box.start({ dataDir })).stop();
    chmodSync(parent, 0o700);
    expect((await failure(box.start({ dataDir }))).message).toMatch(
      /who cannot enter .* any more: let others enter that folder again \(chmod o\+x/,
    );
    expect(await firstClosedFolder(dataDir, await unprivilegedUser())).toBe(parent);
  });

  it("a normal user can continue without root after root has used their folder", async () => {
    const home = closedFolder();
    chmodSync(home, 0o755);
    chownSync(home, NOBODY.uid, NOBODY.gid);
    const dataDir = join(home, ".local", "share", "cpa-payouts");
    const theirs = await box.client("", { ...NOBODY, home });
    expect(theirs).toMatchObject({ started: true, dataDir });
    await theirs.kill();

    const ours = await box.start({ dataDir });
    expect(ours.started).toBe(false);
    await ours.stop();
    rmSync(join(dataDir, "server.log"));
    await (await box.start({ dataDir })).stop();

    const again = await box.client(dataDir, NOBODY);
    expect(again).toMatchObject({ started: true, url: theirs.url });
    await again.leave();
  });

  it("a normal user is refused in root's folder and advised to run as its owner", async () => {
    const dataDir = box.folder();
    await box.start({ dataDir });
    const { error } = await box.client(dataDir, NOBODY);
    expect(error).toMatch(/^EmbeddedPostgresError: No permission for .*: run as the user who owns the database folder/);
  });

  it("a user with neither a home nor a data folder gets an error that says what to do", async () => {
    const { error } = await box.client("", NOBODY);
    expect(error).toMatch(/^EmbeddedPostgresError: (No permission for|This user has no home folder)/);
    expect(existsSync(join(tmpdir(), ".local"))).toBe(false);
  });
});
