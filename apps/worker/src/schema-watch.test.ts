import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrateDatabase } from "@cpa-payouts/db";
import { importNetwork } from "@cpa-payouts/db/testing";
import { startRun, verify } from "@cpa-payouts/pipeline";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { createLogger, readConfig } from "@cpa-payouts/runtime";
import { eventually, latch, migrationsFolder } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runWorker } from "./main.ts";

const NOW = "2026-12-07T02:00:00Z";
const REFUSAL =
  /^a newer version has migrated the database: it has \d+ migrations and this worker knows \d+; start the new version$/;

let flow: TestFlow;
let folder: string;

beforeEach(async () => {
  flow = await openTestFlow({ kind: "postgres", now: NOW });
  folder = await mkdtemp(path.join(tmpdir(), "payouts-migrations-"));
  await cp(migrationsFolder, folder, { recursive: true });
});

afterEach(async () => {
  expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
  await flow.close();
  await rm(folder, { recursive: true });
});

interface Entry {
  readonly idx: number;
  readonly when: number;
  readonly tag: string;
}

async function rewriteJournal(change: (entries: readonly Entry[]) => readonly Entry[]): Promise<void> {
  const file = path.join(folder, "meta", "_journal.json");
  const journal = JSON.parse(await readFile(file, "utf8")) as { entries: readonly Entry[] };
  await writeFile(file, JSON.stringify({ ...journal, entries: change(journal.entries) }));
}

/** Adds a migration to the folder, as a new version brings one. */
async function addMigration(statements: string): Promise<void> {
  await writeFile(path.join(folder, "9999_next.sql"), statements);
  await rewriteJournal((entries) => {
    const last = entries.at(-1);
    if (!last) throw new Error("there are no migrations");
    return [...entries, { ...last, idx: last.idx + 1, when: last.when + 1, tag: "9999_next" }];
  });
}

/** Starts a worker of the version whose migrations are in a folder. */
function work(folderOfVersion: string) {
  const { clock, database } = flow;
  const stopping = latch();
  const ready = latch();
  const ended = runWorker({
    config: readConfig(environmentOf(flow), clock()),
    databaseUrl: database.url,
    clock,
    log: createLogger({ level: "silent", isTerminal: false }),
    migrationsFolder: folderOfVersion,
    stopped: stopping.opened,
    onReady: () => ready.open(),
  });
  // A test that fails earlier must not leave a rejection behind.
  ended.catch(() => {});
  return { ended, ready: ready.opened, stop: stopping.open };
}

const count = async (from: string) => {
  const [row] = await flow.database.sql.unsafe<{ count: number }[]>(`select count(*)::int as count from ${from}`);
  return row?.count ?? -1;
};

describe("worker of an older version than the database", () => {
  it("a worker that knows one migration less takes no job and ends with one line", async () => {
    await flow.ctx.queues.ensureQueued("tick", [{}]);
    await rewriteJournal((entries) => entries.slice(0, -1));
    await expect(work(folder).ended).rejects.toThrow(REFUSAL);
    expect(await count("scheduler")).toBe(0);
  });

  it("a worker ends by itself when the database is migrated, also by an update of its own folder", async () => {
    const { ended, ready } = work(folder);
    await ready;
    await addMigration("select 1");
    await migrateDatabase(flow.database.url, folder);
    await expect(ended).rejects.toThrow(REFUSAL);
  });

  it("a run during which the database is migrated is finished by the new version, each user paid once", async () => {
    const users = 1_500;
    await importNetwork(
      flow.ctx,
      Array.from({ length: users }, (_, index) => ({ externalId: `u${index}` })),
    );
    const older = work(migrationsFolder);
    await older.ready;
    await startRun(flow.ctx, { date: { date: "2026-12-07", kind: "first-monday" }, trigger: "manual", actor: "test" });
    await eventually(async () => (await count("invoices")) > 0);
    await addMigration("alter table users add column next text");
    await migrateDatabase(flow.database.url, folder);
    await expect(older.ended).rejects.toThrow(REFUSAL);
    const newer = work(folder);
    await eventually(
      async () => (await count("payment_runs where state = 'completed'")) === 1,
      () => count("invoices"),
    );
    newer.stop();
    await newer.ended;
    expect(await count("invoices")).toBe(users);
    expect(await count("users where balance_cents <> 0")).toBe(0);
  });
});
