import { readdirSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { dropClaim, makeClaim, otherClaims, withLock } from "./claims.ts";
import { identify } from "./processes.ts";
import { killHard, sandbox } from "./testing.ts";

const box = sandbox();
afterEach(() => box.cleanUp());

const claims = () => ({ path: box.folder(), owner: undefined });
const quiet = () => undefined;

describe("claims", () => {
  it("the claim of a process to a data folder is visible to others until it is dropped", async () => {
    const folder = claims();
    expect(await otherClaims(folder)).toEqual([]);
    const own = await makeClaim(folder);
    const other = await makeClaim(folder);
    expect(await otherClaims(folder, own)).toEqual([await identify(process.pid)]);
    await dropClaim(folder, other);
    await dropClaim(folder, other);
    expect(await otherClaims(folder, own)).toEqual([]);
  });

  it("the claims of dead processes are removed, even when a later process has the same id; other files stay", async () => {
    const folder = claims();
    await mkdir(folder.path);
    const program = box.program("sleep", ["3600"]);
    const identity = await identify(program.pid ?? 0);
    writeFileSync(join(folder.path, `${program.pid}-${identity?.startedAt}-00000001`), "");
    writeFileSync(join(folder.path, `${process.pid}-1-00000002`), "");
    writeFileSync(join(folder.path, "readme.txt"), "");
    expect(await otherClaims(folder)).toEqual([identity]);
    await killHard(program.pid);
    expect(await otherClaims(folder)).toEqual([]);
    expect(readdirSync(folder.path)).toEqual(["readme.txt"]);
  });
});

describe("withLock", () => {
  it("the lock of a data folder has one holder at a time, and every caller gets it in the end", async () => {
    const folder = claims();
    let inside = 0;
    let most = 0;
    const visit = async () => {
      most = Math.max(most, ++inside);
      await sleep(2);
      inside--;
    };
    await Promise.all(Array.from({ length: 12 }, () => withLock(folder, quiet, visit)));
    expect({ inside, most }).toEqual({ inside: 0, most: 1 });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it("a failure of its holder releases the lock of a data folder", async () => {
    const folder = claims();
    await expect(withLock(folder, quiet, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withLock(folder, quiet, async () => "in")).toBe("in");
  });
});
