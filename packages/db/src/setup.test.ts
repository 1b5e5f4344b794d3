import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  FAST,
  findBinaries,
  launch,
  majorOf,
  makeTemplate,
  openDataFolder,
  PATIENCE,
  passwordOf,
  prepareBinaries,
  query,
  ROOTS_FOLDER,
  removeTemplate,
  stopPostmaster,
  urlOf,
} from "@cpa-payouts/embedded-postgres/testing";
import { eventually, freePort, migrationsFolder } from "@cpa-payouts/testing-servers";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, writable } from "./client.ts";
import { migrateDatabase } from "./migrate.ts";
import { describeServer } from "./ping.ts";
import { assertWritable, checkDatabase } from "./setup.ts";
import { type TestDatabase, testDatabase } from "./testing/index.ts";

describe("database check", () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await testDatabase();
  });

  afterEach(() => database.close());

  const setReadOnly = () =>
    database.sql.unsafe(`alter database ${database.sql.database} set default_transaction_read_only = on`);

  /** Checks over a new connection, because changed settings of a database apply to new connections only. */
  const check = async () => {
    const { db, close } = connect({ url: database.url, max: 1 });
    try {
      return await checkDatabase(db, database.url);
    } finally {
      await close();
    }
  };

  it("a writable database has no problems", async () => {
    expect(await check()).toEqual([]);
    await expect(assertWritable(database.db, database.url)).resolves.toBeUndefined();
  });

  it("a read-only database is named without its password, and the statements in the line make it writable", async () => {
    await setReadOnly();
    const [problem, ...others] = await check();
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ check: "database-writable", isCertain: true });
    const line = problem?.line ?? "";
    expect(line).toMatch(`the database at ${describeServer(database.url)} is read-only (default_transaction_read_only`);
    expect(line).not.toContain(new URL(database.url).password);

    const [, remedy = ""] = /"(.+)"$/.exec(line) ?? [];
    const { db, close } = connect({ url: database.url, max: 1 });
    for (const statement of remedy.split(";").filter(Boolean)) await writable(db).execute(sql.raw(statement));
    await close();
    expect(await check()).toEqual([]);
  });

  it("a read-only database is not migrated, and the error says so in one line", async () => {
    await setReadOnly();
    await expect(migrateDatabase(database.url, migrationsFolder)).rejects.toThrow(/^the database at .* is read-only /);
  });
});

describe("replica check", () => {
  let dataDir: string;
  let standby: Standby | null;

  beforeEach(async () => {
    standby = null;
    dataDir = await makeTemplate();
  });

  afterEach(async () => {
    await standby?.stop();
    await removeTemplate(dataDir);
  });

  it("a replica is reported, with the advice to use its primary", async () => {
    standby = await startStandby(dataDir);
    const { url } = standby;
    await eventually(() => query(url, "select 1").catch(() => null));
    const { db, close } = connect({ url, max: 1 });
    expect(await checkDatabase(db, url)).toEqual([
      {
        check: "database-primary",
        isCertain: true,
        line: `the database at ${describeServer(url)} is a replica: point DATABASE_URL at its primary`,
      },
    ]);
    await close();
  });
});

interface Standby {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the folder of a stopped server as a standby that waits for a primary; the embedded server itself never is one. */
async function startStandby(dataDir: string): Promise<Standby> {
  const found = await findBinaries();
  const folder = await openDataFolder(dataDir, majorOf(found), () => {});
  const binaries = await prepareBinaries(found, folder.user, folder.user ? [ROOTS_FOLDER, folder.path] : [folder.path]);
  writeFileSync(join(folder.cluster, "standby.signal"), "");
  const port = await freePort();
  const { server } = await launch(folder, binaries, port, FAST);
  if (!server) throw new Error("the standby did not start");
  const url = urlOf(port, (await passwordOf(folder)).password);
  return { url, stop: () => stopPostmaster(server, binaries, PATIENCE, () => {}) };
}
