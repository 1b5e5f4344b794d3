import { randomUUID } from "node:crypto";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { slowDownInvoices, toCsv } from "@cpa-payouts/db/testing";
import { startEmbedded } from "@cpa-payouts/embedded-postgres";
import { runPayouts, type SqlClient, startPayouts, withSql } from "@cpa-payouts/testing-servers";
import { describe, expect, it } from "vitest";

const USERS = 3_000;
/** A run has few jobs at a time and is stopped after its first batch, so that it does not end before the signal. */
const FEW_JOBS = { WORKER_CONCURRENCY: "5" };

describe("interrupted command", () => {
  it("an interrupted run says how to continue, stops its server and loses nothing", async () => {
    const dataDir = path.join(tmpdir(), `payouts-interrupt-${randomUUID()}`);
    const args = ["--data-dir", dataDir];
    const [file, log] = [`${dataDir}.csv`, `${dataDir}.log`];
    await writeFile(file, toCsv(Array.from({ length: USERS }, (_, index) => ({ externalId: `u${index}` }))));
    expect(await runPayouts(["import", file, ...args], {})).toMatchObject({ code: 0 });

    await onServer(dataDir, async (sql) => {
      await slowDownInvoices({ sql }, USERS);
    });
    const run = startPayouts(["run", "--date", "2026-11-16", "--log-level", "info", ...args], FEW_JOBS);
    await run.untilSays("invoices.created");
    expect(await run.stop("SIGINT")).toBe(1);
    expect(run.stderr()).toMatch(
      /error: stopped by SIGINT; the run stays open; "payouts run --date 2026-11-16" goes on with it\n$/,
    );
    const killed = startPayouts(["run", "--date", "2026-11-16", "--log-level", "info", ...args], FEW_JOBS);
    await killed.untilSays("invoices.created");
    await killed.stop("SIGKILL");

    // It logs a line for every job that the killed process held; LOG_FILE keeps them out of the test output.
    const rest = await onServer(dataDir, async (sql) => {
      const endSlowness = await slowDownInvoices({ sql }, USERS);
      await endSlowness();
      const options = ["--date", "2026-11-16", "--json", "--log-level", "info", ...args];
      return runPayouts(["run", ...options], { LOG_FILE: log }, async () => (await stat(log)).size);
    });
    expect(JSON.parse(rest.stdout)).toMatchObject({ state: "completed", invoiced: USERS, totalCents: "45000000" });
    expect(await runPayouts(["verify", ...args], {})).toMatchObject({ code: 0 });

    // A reader that closes the pipe ends the command in order.
    const list = startPayouts(["invoices", "--format", "csv", ...args], {});
    list.child.stdout?.once("data", () => list.child.stdout?.destroy());
    expect(await list.ended()).toBe(0);
    expect(list.stderr()).toBe("");
    expect(await readdir(path.join(dataDir, "clients"))).toEqual([]);
    await Promise.all([rm(dataDir, { recursive: true }), rm(file), rm(log)]);
  });
});

/** Works on the database of a data folder, whose server the process joins or starts. */
async function onServer<T>(dataDir: string, work: (sql: SqlClient) => Promise<T>): Promise<T> {
  const server = await startEmbedded({ dataDir });
  try {
    return await withSql(server.url, work);
  } finally {
    await server.stop();
  }
}
