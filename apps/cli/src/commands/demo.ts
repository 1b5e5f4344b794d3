import { dollars } from "@cpa-payouts/core";
import { findRun, type InvoiceListing, listInvoices, listUsers, pages, type UserListing } from "@cpa-payouts/db";
import {
  type Context,
  credit,
  followRun,
  type RunSummary,
  reviewInvoices,
  summarizeRun,
  tick,
  verify,
} from "@cpa-payouts/pipeline";
import type { OpenContext } from "@cpa-payouts/runtime";
import { startWorkers } from "@cpa-payouts/worker";
import type { Cli } from "../cli.ts";
import { useDatabase, withThrowAwayServer } from "../connection.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { useFlow } from "../flow-connection.ts";
import { summaryLines } from "../present.ts";
import { importSampleNetwork } from "../sample-network.ts";

const START = "2026-12-01T09:00:00Z";
const FIRST_MONDAY = "2026-12-07";
const MID_MONTH = "2026-12-21";
const CONVERSION_CENTS = 45_50n;
const REVIEWED = 300;
const REJECTED = 5;

/**
 * `payouts demo`: plays December 2026 of the sample network with the steps of production, on a throw-away database and
 * under a simulated clock.
 *
 * @returns `failed` when an invariant is violated at the end
 */
export async function demo(cli: Cli): Promise<ExitCode> {
  const clock = { now: new Date(START) };
  const simulated: Cli = {
    ...cli,
    clock: () => clock.now,
    // Without alerts, since the runs are not real.
    config: {
      ...cli.config,
      isPooled: false,
      redisUrl: null,
      alerts: { webhookUrl: null, email: null, publicUrl: null },
    },
  };
  const narrator = createNarrator(cli);
  return withThrowAwayServer(cli, (server) =>
    useDatabase(simulated, server, () =>
      useFlow(simulated, server, (opened) => playMonth(simulated, opened, clock, narrator)),
    ),
  );
}

type Narrator = (date: string, line: string, details?: readonly string[]) => Promise<void>;

/** Prints what happens to stdout for people; with `--json` only the result is printed. */
function createNarrator({ output }: Cli): Narrator {
  return async (date, line, details = []) => {
    if (output.format !== "table") return;
    await output.text(`${date}  ${line}\n${details.map((detail) => `              ${detail}\n`).join("")}`);
  };
}

async function playMonth(
  cli: Cli,
  { ctx, backend }: OpenContext,
  clock: { now: Date },
  narrate: Narrator,
): Promise<ExitCode> {
  const workers = await startWorkers(ctx, backend, { concurrency: cli.config.workerConcurrency });
  try {
    await narrate("2026-12-01", await importSample(ctx));
    await tick(ctx);

    clock.now = new Date(`${FIRST_MONDAY}T02:00:00Z`);
    const first = await playRun(cli, ctx, FIRST_MONDAY);
    await narrate(
      FIRST_MONDAY,
      "02:00, the first Monday: the tick finds the date due and opens its run",
      summaryLines(first),
    );

    clock.now = new Date("2026-12-10T10:00:00Z");
    await narrate("2026-12-10", await review(ctx));
    clock.now = new Date("2026-12-12T10:00:00Z");
    await narrate("2026-12-12", await creditAll(ctx));

    clock.now = new Date(`${MID_MONTH}T02:00:00Z`);
    const second = await playRun(cli, ctx, MID_MONTH);
    await narrate(MID_MONTH, "02:00, the first Monday after the 15th: returning users only", summaryLines(second));
    return await conclude(cli, ctx, [first, second], narrate);
  } finally {
    await workers.close();
  }
}

async function importSample(ctx: Context): Promise<string> {
  const created = await importSampleNetwork(ctx, "demo");
  let owed = 0n;
  for await (const { balanceCents } of pages<UserListing>((page) => listUsers(ctx.db, {}, { sort: "oldest", ...page })))
    owed += balanceCents;
  return `A network of ${created} users is imported; it owes them ${dollars(owed)}`;
}

async function playRun(cli: Cli, ctx: Context, date: string): Promise<RunSummary> {
  await tick(ctx);
  const run = await findRun(ctx.db, date);
  if (!run) throw new Error(`the tick did not open the run of ${date}`);
  const finished = await followRun(ctx, run.id, {
    onProgress: ({ done, total }) => cli.progress.show(`run of ${date}`, done, total),
  });
  cli.progress.stop();
  return summarizeRun(ctx, finished);
}

async function review(ctx: Context): Promise<string> {
  const numbers: string[] = [];
  for await (const { number } of pages<InvoiceListing>((page) => listInvoices(ctx.db, {}, { sort: "oldest", ...page })))
    numbers.push(number);
  // Workers create invoices in any order; sorting makes the demo the same every time.
  numbers.sort();
  const rejected = numbers.slice(0, REJECTED);
  const paid = numbers.slice(REJECTED, REVIEWED);
  const returned = { status: "rejected", reason: "traffic under investigation", disposition: "return" } as const;
  await reviewInvoices(ctx, { selection: { numbers: rejected }, verdict: returned, actor: "demo" });
  await reviewInvoices(ctx, { selection: { numbers: paid }, verdict: { status: "paid" }, actor: "demo" });
  return `Finance marks ${paid.length} invoices as paid and rejects ${rejected.length}; their amounts go back to the balances`;
}

/** Every tenth credit is sent twice, as by a conversion tracker after a timeout; with the same key it is added once. */
async function creditAll(ctx: Context): Promise<string> {
  const count = {
    credited: 0,
    "already-credited": 0,
    "key-conflict": 0,
    "key-reserved": 0,
    "unknown-user": 0,
    "above-limit": 0,
  };
  for await (const { id, externalId } of pages<UserListing>((page) =>
    listUsers(ctx.db, {}, { sort: "oldest", ...page }),
  )) {
    const input = {
      externalId,
      amountCents: CONVERSION_CENTS,
      key: `conversion-${externalId}`,
      keyOwner: "cli",
      actor: "demo",
    } as const;
    for (let delivery = 0; delivery < (id % 10 === 0 ? 2 : 1); delivery += 1) {
      const { status } = await credit(ctx, input);
      count[status] += 1;
    }
  }
  return `${count.credited} conversions credit ${dollars(CONVERSION_CENTS)} each; ${count["already-credited"]} delivered twice change nothing`;
}

async function conclude(cli: Cli, ctx: Context, runs: readonly RunSummary[], narrate: Narrator): Promise<ExitCode> {
  let checked = 0;
  const violations = await verify(ctx, ctx.policy, () => {
    checked += 1;
  });
  if (cli.output.format === "json") await cli.output.object({ runs, violations }, () => []);
  const verdict = violations.length === 0 ? "all hold" : `${violations.length} offenders`;
  await narrate("2026-12-21", `${checked} invariants checked: ${verdict}. The database was thrown away.`);
  return violations.length === 0 ? exitCodes.done : exitCodes.failed;
}
