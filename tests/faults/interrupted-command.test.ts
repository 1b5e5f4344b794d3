import { randomUUID } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { toCsv } from "@cpa-payouts/db/testing";
import { runPayouts, startPayouts } from "@cpa-payouts/testing-servers";
import { describe, expect, it } from "vitest";

describe("interrupted command", () => {
  it("an interrupted run says how to continue, stops its server and loses nothing", async () => {
    const dataDir = path.join(tmpdir(), `payouts-interrupt-${randomUUID()}`);
    const args = ["--data-dir", dataDir];
    const [file, log] = [`${dataDir}.csv`, `${dataDir}.log`];
    await writeFile(file, toCsv(Array.from({ length: 3_000 }, (_, index) => ({ externalId: `u${index}` }))));
    expect(await runPayouts(["import", file, ...args], {})).toMatchObject({ code: 0 });

    const run = startPayouts(["run", "--date", "2026-11-16", "--log-level", "info", ...args], {});
    await run.untilSays("invoices.created");
    expect(await run.stop("SIGINT")).toBe(1);
    expect(run.stderr()).toMatch(
      /error: stopped by SIGINT; the run stays open; "payouts run --date 2026-11-16" goes on with it\n$/,
    );
    const killed = startPayouts(["run", "--date", "2026-11-16", "--log-level", "info", ...args], {});
    await killed.untilSays("invoices.created");
    await killed.stop("SIGKILL");

    // It logs a line for every job that the killed process held; LOG_FILE keeps them out of the test output.
    const rest = await runPayouts(["run", "--date", "2026-11-16", "--json", ...args], { LOG_FILE: log });
    expect(JSON.parse(rest.stdout)).toMatchObject({ state: "completed", invoiced: 3_000, totalCents: "45000000" });
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
