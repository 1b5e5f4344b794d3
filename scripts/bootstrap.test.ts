import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { withoutStartingServices } from "./bootstrap/apt.mjs";
import { isIncompleteLockFile, npmFailure } from "./bootstrap/packages.mjs";
import { parseRedisVersion } from "./bootstrap/redis.mjs";
import { missingOptional } from "./complete-lock.mjs";

// A small project with the real scripts, in a folder with a space in its name, and a PATH with only the programs that a
// test adds.
let project: string;
let bin: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "bootstrap test "));
  chmodSync(folder, 0o700);
  project = join(folder, "project");
  bin = join(folder, "bin");
  mkdirSync(join(project, "packages/core"), { recursive: true });
  mkdirSync(join(project, "packages/testing/servers"), { recursive: true });
  mkdirSync(join(project, "benchmarks"));
  mkdirSync(bin);
  cpSync(import.meta.dirname, join(project, "scripts"), { recursive: true });
  writeJson("package.json", {
    name: "sample",
    workspaces: ["packages/*", "packages/testing/*", "apps/*", "benchmarks"],
  });
  writeJson("packages/core/package.json", { name: "core", dependencies: {} });
  writeJson("packages/testing/servers/package.json", { name: "servers", dependencies: {} });
  writeJson("benchmarks/package.json", { name: "benchmarks", dependencies: {} });
  writeJson("package-lock.json", { packages: { "": {}, "node_modules/zod": { version: "4.0.0" } } });
  symlinkSync(process.execPath, join(bin, "node"));
  fakeNpm();
});

afterEach(() => rmSync(join(project, ".."), { recursive: true, force: true }));

function writeJson(file: string, content: unknown) {
  writeFileSync(join(project, file), JSON.stringify(content));
}

function fakeBinary(name: string, script: string) {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** An npm that records its calls and writes the lock file that npm leaves in node_modules. */
function fakeNpm(more = "") {
  fakeBinary(
    "npm",
    `echo "$1" >> ../npm-calls\n${more}\n/bin/mkdir -p node_modules && /bin/cp package-lock.json node_modules/.package-lock.json`,
  );
}

const npmCalls = () => {
  const file = join(project, "../npm-calls");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
};

function bootstrap({ args = [] as string[], env = {} as Record<string, string> } = {}) {
  const command = [join(project, "scripts/bootstrap.mjs"), ...args];
  const run = spawnSync(process.execPath, command, { cwd: tmpdir(), encoding: "utf8", env: { PATH: bin, ...env } });
  return { code: run.status, said: run.stderr, printed: run.stdout };
}

describe("packages", () => {
  test("missing packages are installed once", () => {
    const first = bootstrap();
    expect(first.code, first.said).toBe(0);
    expect(first.said).toMatch(/packages are missing: running npm ci .*\n.*packages installed in \d+\.\d s\n$/);
    expect(bootstrap()).toEqual({ code: 0, said: "", printed: "" });
    expect(npmCalls()).toEqual(["ci"]);
  });

  test.each([
    ["the lock file", "package-lock.json", { packages: { "": {}, "node_modules/zod": { version: "4.0.1" } } }],
    ["a workspace's dependencies", "packages/core/package.json", { name: "core", dependencies: { zod: "4.0.0" } }],
    [
      "the dependencies of a workspace in a folder of workspaces",
      "packages/testing/servers/package.json",
      { name: "servers", dependencies: { zod: "4.0.0" } },
    ],
    [
      "the dependencies of a workspace that is named by its folder",
      "benchmarks/package.json",
      { name: "benchmarks", dependencies: { zod: "4.0.0" } },
    ],
  ])("packages are installed again when %s changed", (_what, file, content) => {
    bootstrap();
    writeJson(file, content);
    expect(bootstrap().said).toContain("packages are out of date");
    expect(bootstrap().said).toBe("");
    expect(npmCalls()).toEqual(["ci", "ci"]);
  });

  test("packages are left alone when only a script changed", () => {
    bootstrap();
    writeJson("packages/core/package.json", { name: "core", dependencies: {}, scripts: { typecheck: "tsc" } });
    expect(bootstrap().said).toBe("");
    expect(npmCalls()).toEqual(["ci"]);
  });

  test("packages that were installed by hand are recognised", () => {
    mkdirSync(join(project, "node_modules"));
    cpSync(join(project, "package-lock.json"), join(project, "node_modules/.package-lock.json"));
    expect(bootstrap().code).toBe(0);
    expect(npmCalls()).toEqual([]);
  });

  test("a failing npm ends in one clear line, and the next run tries again", () => {
    bootstrap();
    writeJson("package-lock.json", { packages: {} });
    fakeNpm("echo 'npm error code ENOTFOUND\nnpm error network request failed' >&2; exit 1");
    const failed = bootstrap();
    expect(failed.code).toBe(1);
    expect(failed.said).toMatch(
      /bootstrap: installing packages failed after .* Check the connection .*\n {2}npm: code ENOTFOUND\n/,
    );
    fakeNpm();
    expect(bootstrap().code).toBe(0);
    expect(npmCalls()).toEqual(["ci", "ci", "ci"]);
  });

  test("a missing npm is reported in a clear line", () => {
    rmSync(join(bin, "npm"));
    expect(bootstrap()).toMatchObject({ code: 1, said: expect.stringContaining("npm comes with Node") });
  });

  test("packages are never installed in production", () => {
    const env = { NODE_ENV: "production" };
    expect(bootstrap({ env })).toMatchObject({
      code: 1,
      said: expect.stringContaining("NODE_ENV=production: run `npm ci`"),
    });
    mkdirSync(join(project, "node_modules"));
    expect(bootstrap({ env })).toMatchObject({ code: 0, said: expect.stringContaining("using the installed ones") });
    expect(npmCalls()).toEqual([]);
  });

  test("two commands at the same time install the packages once", async () => {
    fakeNpm("/bin/sleep 1");
    const runs = [1, 2].map(() =>
      spawn(process.execPath, [join(project, "scripts/bootstrap.mjs")], { env: { PATH: bin } }),
    );
    const codes = await Promise.all(runs.map((run) => new Promise((resolve) => run.on("close", resolve))));
    expect(codes).toEqual([0, 0]);
    expect(npmCalls()).toEqual(["ci"]);
    expect(existsSync(join(project, ".bootstrap.lock"))).toBe(false);
  });

  test("the lock of a killed installation of packages is taken over", () => {
    const lock = join(project, ".bootstrap.lock");
    mkdirSync(lock);
    writeFileSync(join(lock, "pid"), String(spawnSync("true").pid));
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    expect(bootstrap().code).toBe(0);
    expect(npmCalls()).toEqual(["ci"]);
  });

  test("npm's usage text and log path stay out of the message", () => {
    const output =
      "npm error code EUSAGE\nnpm error\nnpm error Missing: zod@4.1.0 from lock file\nnpm error Clean install a project\nnpm error Usage:";
    expect(npmFailure(output, "1.0 s").split("\n")).toEqual([
      "installing packages failed after 1.0 s. package.json and package-lock.json differ: run `npm install` and commit the lock file.",
      "  npm: code EUSAGE",
      "  npm: Missing: zod@4.1.0 from lock file",
    ]);
  });

  test("a lock file that only lacks what a registry could not serve is distinguished from one that does not match", () => {
    expect(isIncompleteLockFile("Missing: @turbo/darwin-64@ from lock file")).toBe(true);
    expect(isIncompleteLockFile("Missing: zod@4.1.0 from lock file\nMissing: @turbo/darwin-64@ from lock file")).toBe(
      false,
    );
    expect(isIncompleteLockFile("Invalid: lock file's zod@4.0.0 does not satisfy zod@4.1.0")).toBe(false);
  });

  test("the project's lock file has every platform's packages (else: node scripts/complete-lock.mjs)", () => {
    const lock = JSON.parse(readFileSync(join(import.meta.dirname, "../package-lock.json"), "utf8"));
    expect(missingOptional(lock.packages)).toEqual([]);
  });
});

// Nothing is installed here: apt-get is not on this PATH.
describe("--redis", () => {
  const args = ["--redis"];
  const server = (version: string) => `echo "Redis server v=${version} sha=00000000:0 malloc=libc bits=64"`;

  test("--redis prints nothing where there is a usable server", () => {
    bootstrap();
    fakeBinary("redis-server", server("6.2.0"));
    expect(bootstrap({ args, env: { CI: "true" } })).toEqual({ code: 0, said: "", printed: "" });
  });

  test("without a Redis server a loud line says that suites are skipped; in CI that is a failure", () => {
    bootstrap();
    const skipped = bootstrap({ args });
    expect(skipped.code).toBe(0);
    expect(skipped.said).toMatch(/\*\*\* Redis suites will be SKIPPED: no redis-server .*brew install redis/s);
    expect(bootstrap({ args, env: { CI: "true" } })).toMatchObject({
      code: 1,
      said: expect.stringContaining("CI=true"),
    });
  });

  test("a Redis server that is too old counts as none, unless there is also a newer one", () => {
    bootstrap();
    fakeBinary("redis-server", server("6.0.16"));
    expect(bootstrap({ args }).said).toMatch(/SKIPPED: .*redis-server is version 6\.0, 6\.2 or later is needed/);
    fakeBinary("valkey-server", 'echo "Valkey server v=8.1.0 sha=0"');
    expect(bootstrap({ args }).said).toBe("");
  });

  test("REDIS_SERVER_BIN names the Redis server when it is set", () => {
    bootstrap();
    fakeBinary("redis-server", server("7.0.15"));
    const env = { REDIS_SERVER_BIN: join(bin, "no-such-server") };
    expect(bootstrap({ args, env }).said).toContain("no-such-server does not run");
    fakeBinary("my-redis", server("7.2.0"));
    expect(bootstrap({ args, env: { REDIS_SERVER_BIN: join(bin, "my-redis") } }).said).toBe("");
  });

  test("the version of a Redis server is read from its output", () => {
    expect(parseRedisVersion("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64")).toEqual([7, 0]);
    expect(parseRedisVersion("Valkey server v=8.1.0 sha=00000000:0")).toEqual([8, 1]);
    expect(parseRedisVersion("Redis server version 2.4.10 (00000000:0)")).toEqual([2, 4]);
    expect(parseRedisVersion("bash: no such thing")).toBeUndefined();
  });

  test("the policy that keeps Debian from starting services is removed afterwards, and an existing one stays", async () => {
    const policy = join(bin, "policy-rc.d");
    await expect(
      withoutStartingServices(policy, async () => {
        expect(spawnSync(policy).status).toBe(101);
        throw new Error("apt-get died");
      }),
    ).rejects.toThrow("apt-get died");
    expect(existsSync(policy)).toBe(false);
    fakeBinary("policy-rc.d", "exit 104");
    await withoutStartingServices(policy, async () => {});
    expect(spawnSync(policy).status).toBe(104);
  });
});

test("--pgbouncer prints nothing where there is a PgBouncer on the PATH", () => {
  bootstrap();
  fakeBinary("pgbouncer", "exit 0");
  expect(bootstrap({ args: ["--pgbouncer"] })).toEqual({ code: 0, said: "", printed: "" });
});

test("an old Node gets a message, not a syntax error", () => {
  // Only the version is simulated; the last assertion keeps the syntax old.
  const pretend = join(project, "pretend.cjs");
  writeFileSync(pretend, 'Object.defineProperty(process.versions, "node", { value: "18.20.4" });');
  const run = spawnSync(process.execPath, ["--require", pretend, join(project, "scripts/bootstrap.mjs")], {
    encoding: "utf8",
  });
  expect(run.status).toBe(1);
  expect(run.stderr).toMatch(/^bootstrap: CPA Payouts needs Node 20\.19 or later, this is Node 18\.20\.4 .*\n$/);
  const source = readFileSync(join(project, "scripts/bootstrap.mjs"), "utf8");
  expect(source).not.toMatch(/\?\.|\?\?|^\s*await |^import .* from/m);
});
