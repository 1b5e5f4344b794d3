import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { migrationsFolder } from "@cpa-payouts/testing-servers";
import { migrateDatabase } from "../index.ts";
import type { TestDatabase } from "./test-database.ts";

const DATA_FOLDER = fileURLToPath(new URL("./upgrades", import.meta.url));

interface Journal {
  readonly entries: readonly { readonly tag: string }[];
}

async function readJournal(folder: string): Promise<Journal> {
  return JSON.parse(await readFile(path.join(folder, "meta", "_journal.json"), "utf8")) as Journal;
}

/** The names of all migrations of this version, in their order. */
export async function migrationTags(): Promise<string[]> {
  const { entries } = await readJournal(migrationsFolder);
  return entries.map(({ tag }) => tag);
}

/** Applies the first `count` migrations, as the version of that time did. */
export async function migrateAsOf(url: string, count: number): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "payouts-migrations-"));
  try {
    await cp(migrationsFolder, folder, { recursive: true });
    const journal = await readJournal(folder);
    const entries = journal.entries.slice(0, count);
    await writeFile(path.join(folder, "meta", "_journal.json"), JSON.stringify({ ...journal, entries }));
    await migrateDatabase(url, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Fills an empty database with what the version with the first `count` migrations had written: the files of `upgrades`, each
 * named after the first migration that its rows need.
 */
export async function fillAsOf({ sql }: TestDatabase, count: number): Promise<void> {
  const files = await readdir(DATA_FOLDER);
  for (const tag of (await migrationTags()).slice(0, count)) {
    const file = `${nameOf(tag)}.sql`;
    if (files.includes(file)) await sql.unsafe(await readFile(path.join(DATA_FOLDER, file), "utf8"));
  }
}

/** The name of a migration without its number, which changes when another one is merged first. */
function nameOf(tag: string): string {
  return tag.replace(/^\d+_/, "");
}
