import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { toCsv } from "@cpa-payouts/db/testing";
import type { RunSummary } from "@cpa-payouts/pipeline";
import { eventually, startPayouts, startWebhookServer, type WebhookServer } from "@cpa-payouts/testing-servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { summaryLines } from "../src/present.ts";
import { payouts, payoutsJson } from "./payouts.ts";

/**
 * Goal: on one machine without configuration, `up` runs everything, and the other commands work beside it and without
 * it.
 */
describe("payouts up", () => {
  let dataDir: string;
  let args: string[];

  beforeEach(() => {
    dataDir = path.join(tmpdir(), `payouts-up-${randomUUID()}`);
    args = ["--data-dir", dataDir];
  });

  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it("up on an empty database says what to do next, accepts commands from another shell and runs a due date", async () => {
    const up = startPayouts(["up", ...args, "--now", "2026-12-07T01:50:00Z"], {});
    await up.untilSays("Ctrl-C stops");
    expect(up.stderr()).toContain("There are no users yet");
    const [, password = ""] = /Sign in as admin@localhost with the password ([\w-]{23}) /.exec(up.stderr()) ?? [];
    const [, url = ""] = /API: (http:\S+)/.exec(up.stderr()) ?? [];
    const signedIn = await fetch(`${url}/api/v1/session`, {
      method: "POST",
      headers: { origin: url, "content-type": "application/json" },
      body: JSON.stringify({ email: "admin@localhost", password }),
    });
    expect(signedIn.status).toBe(200);
    expect(up.stderr()).toContain("Next payment date: 2026-12-07");

    const file = `${dataDir}.csv`;
    await writeFile(file, toCsv([{ externalId: "aff" }]));
    expect(await payouts(["import", file, ...args], {})).toMatchObject({ code: 0 });
    expect(await payouts(["credit", "aff", "1.50", "--key", "k1", ...args], {})).toMatchObject({ code: 0 });
    await rm(file);
    // It went live before 02:00, so the date is due at the next start; until then no user is paid.
    expect(await payoutsJson(["runs", ...args], {})).toEqual([]);
    expect(await up.stop("SIGINT")).toBe(0);
    const later = startPayouts(["up", ...args, "--now", "2026-12-07T02:00:30Z"], {});
    await later.untilSays("run.completed");
    // The first administrator exists, so no other password is shown.
    expect(later.stderr()).not.toContain("Sign in as");
    expect(await payoutsJson(["invoices", ...args], {})).toMatchObject([{ externalId: "aff", amount: "151.50" }]);
    expect(await later.stop("SIGTERM")).toBe(0);
    expect(await payouts(["verify", ...args], {})).toMatchObject({ code: 0 });
  });

  it("up that goes live after a date is due names the date after it, and the calendar beside it says so", async () => {
    const up = startPayouts(["up", ...args, "--now", "2026-12-07T09:00:00Z"], {});
    await up.untilSays("Ctrl-C stops");
    expect(up.stderr()).toContain("Next payment date: 2026-12-21");
    const calendar = ["calendar", "--from", "2026-12-01", "--months", "1", ...args];
    await eventually(async () =>
      (await payouts(calendar, {})).stderr.includes("Before going live, so not run automatically: 2026-12-07\n"),
    );
    expect(await up.stop()).toBe(0);
  });

  it("up loads the sample network once, and starts again after kill -9", async () => {
    const up = startPayouts(["up", "--sample", ...args], {});
    await up.untilSays("Ctrl-C stops");
    expect(up.stderr()).toContain("Loaded a sample network of 1000 users");
    await up.stop("SIGKILL");
    const again = startPayouts(["up", "--sample", ...args], {});
    await again.untilSays("Ctrl-C stops");
    expect(again.stderr()).toContain("the sample network was not loaded");
    expect(await payoutsJson<unknown[]>(["users", ...args], {})).toHaveLength(1_000);
    expect(await again.stop()).toBe(0);
  });
});

describe("payouts demo", () => {
  let played: Awaited<ReturnType<typeof payouts>>;
  let webhook: WebhookServer;

  beforeAll(async () => {
    webhook = await startWebhookServer();
    played = await payouts(["demo"], { ALERT_WEBHOOK_URL: webhook.url });
  });

  afterAll(() => webhook.stop());

  it("the demo plays a month, prints a summary per run, sends no alert and exits 0", () => {
    expect(webhook.bodies).toEqual([]);
    expect(played.code).toBe(0);
    expect(played.stdout.match(/State +completed/g)).toHaveLength(2);
    expect(played.stdout).toMatch(/invariants checked: all hold/);
  });

  it("the demo is the same every time", async () => {
    const again = await payoutsJson<PlayedMonth>(["demo"], {});
    expect(again).toMatchObject({
      runs: [
        { paymentDate: "2026-12-07", state: "completed", failed: 0 },
        { paymentDate: "2026-12-21", state: "completed", failed: 0 },
      ],
      violations: [],
    });
    // A summary has every figure of a run.
    const summaries = again.runs.map((run) => summaryLines({ ...run, totalCents: BigInt(run.totalCents) }));
    expect(summariesIn(played.stdout)).toEqual(summaries.flat());
  });
});

/** What the demo prints with `--json`. */
interface PlayedMonth {
  readonly runs: readonly (Omit<RunSummary, "totalCents"> & { readonly totalCents: string })[];
}

/** The lines of the summaries in the output for people, which are indented. */
function summariesIn(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith("  "))
    .map((line) => line.trim());
}
