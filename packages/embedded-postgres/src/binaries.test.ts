import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findBinaries, majorOf, type NativePackage, prepareBinaries } from "./binaries.ts";
import { createCluster } from "./cluster.ts";
import { openDataFolder } from "./data-folder.ts";
import { errorLine } from "./programs.ts";
import { failure, freshPath, isRoot, sandbox } from "./testing.ts";

const box = sandbox();
afterEach(() => box.cleanUp());

const NOBODY = { uid: 65_534, gid: 65_534 };

/** The installed programs as npm leaves them when install scripts are disabled: without links. */
async function withoutLinks(parentMode = 0o755): Promise<NativePackage> {
  const { native, version } = await findBinaries();
  const root = box.folder();
  mkdirSync(root, { mode: parentMode });
  cpSync(native, join(root, "native"), { recursive: true, filter: (source) => !lstatSync(source).isSymbolicLink() });
  return { native: join(root, "native"), version };
}

function links(native: string): string[] {
  return readdirSync(join(native, "lib")).filter((name) => lstatSync(join(native, "lib", name)).isSymbolicLink());
}

describe("PostgreSQL programs", () => {
  it("the programs for this machine are found, with their version", async () => {
    const found = await findBinaries();
    expect(existsSync(join(found.native, "pg-symlinks.json"))).toBe(true);
    expect(majorOf(found)).toBe("18");
  });

  it("a platform without programs gets an error that says what to do", async () => {
    await expect(findBinaries("plan9-mips")).rejects.toThrow(
      /^No embedded PostgreSQL is installed for plan9-mips: .* set DATABASE_URL/,
    );
  });

  it("missing links between the libraries are created", async () => {
    const found = await withoutLinks();
    expect(links(found.native)).toEqual([]);
    const binaries = await prepareBinaries(found, undefined, []);
    expect(binaries.postgres).toBe(join(found.native, "bin", "postgres"));
    expect(links(found.native)).toHaveLength(links((await findBinaries()).native).length);
    expect(readFileSync(join(found.native, "lib", "libpq.so.5")).length).toBeGreaterThan(100_000);
  });

  it.runIf(isRoot)("programs that their user cannot reach are refused when there is no place for a copy", async () => {
    const file = box.folder();
    writeFileSync(file, "");
    const found = await withoutLinks(0o700);
    await expect(prepareBinaries(found, NOBODY, [file])).rejects.toThrow(
      /could not be copied to .*: free or open one of these folders, or set DATABASE_URL$/,
    );
  });

  it.runIf(isRoot)("programs that their user cannot reach are copied once, complete and readable", async () => {
    const found = await withoutLinks(0o700);
    const target = box.folder();
    const binaries = await prepareBinaries(found, NOBODY, [target]);
    const copy = join(binaries.postgres, "..", "..");
    expect(readdirSync(target)).toEqual([copy.slice(target.length + 1)]);
    expect(links(copy)).toHaveLength(links((await findBinaries()).native).length);
    const { ino } = statSync(binaries.postgres);
    await prepareBinaries(found, NOBODY, [target]);
    expect(statSync(binaries.postgres).ino).toBe(ino);
  });

  it("on a system without the GNU C library, such as Alpine, the error names the missing library", async () => {
    const script = freshPath();
    box.folder(script);
    writeFileSync(script, "#!/lib/no-such-loader\n", { mode: 0o755 });
    const folder = await openDataFolder(box.folder(), "18", () => undefined);
    const binaries = { initdb: script, postgres: script, pgCtl: script };
    const error = await failure(createCluster(folder, binaries, false).then(() => Promise.reject(new Error("it ran"))));
    expect(error.message).toMatch(/GNU C library, which Alpine and other musl systems do not have.*: set DATABASE_URL/);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it("a missing library is reported in the words of the program loader", async () => {
    const found = await withoutLinks();
    rmSync(join(found.native, "pg-symlinks.json"));
    const folder = await openDataFolder(box.folder(), "18", () => undefined);
    const binaries = await prepareBinaries(found, undefined, []);
    await expect(createCluster(folder, binaries, false)).rejects.toThrow(
      /could not be created in .*: .*cannot open shared object file/,
    );
  });
});

describe("errorLine", () => {
  it.each([
    [
      "a server's log",
      '2026-01-01 00:00:00 UTC [1] LOG:  x\n2026-01-01 00:00:00 UTC [1] FATAL:  no "y".\n2026-01-01 UTC [1] LOG:  z\n',
      'no "y"',
    ],
    ["initdb's error", "initdb: error: cannot be run as root\ninitdb: hint: ...", "cannot be run as root"],
    ["an output of one line", "only this", "only this"],
    ["an empty output", "", "no reason given"],
  ])("the reason for a failed start is found in %s", (_kind, output, reason) => {
    expect(errorLine(output)).toBe(reason);
  });
});
