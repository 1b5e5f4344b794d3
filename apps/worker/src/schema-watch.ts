import { OperationError } from "@cpa-payouts/core";
import { countAppliedMigrations, countKnownMigrations, describeError } from "@cpa-payouts/db";
import type { Context } from "@cpa-payouts/pipeline";

const INTERVAL_MS = 5_000;

/** Notices that a newer version has migrated the database while this process runs. */
export interface SchemaWatch {
  /** Resolves with the line to report when the database is newer than this process; never otherwise. */
  readonly outdated: Promise<OperationError>;
  /** @throws OperationError when the database is newer than this process */
  assertCurrent(): Promise<void>;
  stop(): void;
}

/**
 * Watches the migrations of the database. A newer version may have other rules about who is paid, so a process that does not
 * know them must stop, whether or not its statements would still run.
 *
 * @param folder counted once, because an update in place replaces it under the running process
 */
export async function watchSchema({ db, log }: Pick<Context, "db" | "log">, folder: string): Promise<SchemaWatch> {
  const known = await countKnownMigrations(folder);
  let isReported = false;
  let report: (problem: OperationError) => void = () => {};
  const outdated = new Promise<OperationError>((resolve) => {
    report = resolve;
  });
  const assertCurrent = async () => {
    const applied = await countAppliedMigrations(db);
    if (applied <= known) return;
    const problem = new OperationError(
      `a newer version has migrated the database: it has ${applied} migrations and this worker knows ${known}; start the new version`,
    );
    if (!isReported) log.error({ known, applied }, "worker.outdated");
    isReported = true;
    report(problem);
    throw problem;
  };
  const timer = setInterval(() => {
    assertCurrent().catch((cause: unknown) => log.debug({ error: describeError(cause) }, "schema.unchecked"));
  }, INTERVAL_MS);
  return { outdated, assertCurrent, stop: () => clearInterval(timer) };
}
