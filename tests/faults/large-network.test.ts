import { findRun } from "@cpa-payouts/db";
import { fingerprint, importNetwork, slowDownInvoices } from "@cpa-payouts/db/testing";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { followRun, tick } from "@cpa-payouts/pipeline";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually, type PayoutsProcess, runPayouts, startPayouts, watched } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { creditAllThrough } from "./crediting.ts";

import { expected, generateNetwork, type NetworkUser, toTestUser } from "./network.ts";
import { progressOf } from "./paid-once.ts";

const CREDITED_USERS = 400;
/** More jobs than one worker has in progress, so that both workers have a share of the mid-month date. */
const DUE_BY_CREDITS = 50;
const JOBS_AT_A_TIME = "20";

const { seed, users } = inject("faultOptions");

/**
 * Goal: a network of many users, run on two payment dates by two worker processes, agrees user by user with an
 * independent computation; nothing that is repeated changes anything.
 */
describeOnBackends(`a network of ${users} users with two worker processes`, (kind) => {
  let flow: TestFlow;
  let env: Record<string, string>;
  const network = generateNetwork(users, seed);

  beforeAll(async () => {
    flow = await openTestFlow({ kind, now: "2026-12-01T00:00:00Z" });
    env = environmentOf(flow);
    await importNetwork(flow.ctx, network.map(toTestUser));
    await tick(flow.ctx);
  });

  afterAll(() => flow.close());

  const creditedUsers = () => {
    const stride = Math.max(1, Math.floor(network.length / CREDITED_USERS));
    return network.filter((_, index) => index % stride === 0).map(({ externalId }) => externalId);
  };

  it("the first Monday is paid as computed without the product's code", async () => {
    await payDate(flow, env, "2026-12-07");
    await expectRun(flow, env, network, "2026-12-07", false);
  });

  it("the mid-month date is paid as computed without the product's code, to the cent, while credits keep arriving", async () => {
    const before = new Map(network.map((user) => [user.externalId, { ...user }]));
    const stop = new AbortController();
    const crediting = creditAllThrough(flow, creditedUsers(), { signal: stop.signal, seed });
    const payWhileCrediting = async () => {
      await eventually(
        () => isDueAgain(flow),
        () => countCredits(flow),
      );
      await payDate(flow, env, "2026-12-21");
    };
    await payWhileCrediting().finally(() => stop.abort());
    const credited = await crediting;
    expect(credited.size).toBeGreaterThan(0);

    // A credit may reach a balance before or after the decision, so the invoices of the credited users cannot be
    // predicted; the sum of all balances and invoices can.
    for (const [externalId, cents] of credited) {
      const user = network.find((candidate) => candidate.externalId === externalId) as NetworkUser;
      user.balance += cents;
    }
    const untouched = [...before.values()].filter(({ externalId }) => !credited.has(externalId));
    await expectInvoices(flow, untouched, "2026-12-21", true);
    const [{ owed, invoiced } = { owed: 0n, invoiced: 0n }] = await flow.database.sql<
      { owed: bigint; invoiced: bigint }[]
    >`
      select (select sum(balance_cents)::bigint from users) as owed,
        (select sum(amount_cents)::bigint from invoices where payment_date = '2026-12-21') as invoiced`;
    expect(Number(owed + invoiced)).toBe(network.reduce((sum, user) => sum + user.balance, 0));
    expect(await runPayouts(["verify"], env)).toMatchObject({ code: 0 });
  });

  it("running both payment dates again changes nothing", async () => {
    const before = await fingerprint(flow.database);
    for (const date of ["2026-12-07", "2026-12-21"]) {
      const { code } = await runPayouts(["run", "--date", date, "--now", "2026-12-22T12:00:00Z"], env);
      expect(code).toBe(0);
    }
    const worker = await startWorker(env, "2026-12-22T12:00:00Z");
    await worker.untilSays("ticks.scheduled");
    await worker.stop();
    expect(await fingerprint(flow.database)).toEqual(before);
  });
});

/** Whether credits have made enough users due whom the first date has paid. */
async function isDueAgain({ database }: TestFlow): Promise<boolean> {
  const due = await database.sql`
    select from users u
    where status = 'active' and balance_cents >= 10000 and exists (select from invoices where user_id = u.id)
      and exists (select from payment_methods where user_id = u.id and status = 'approved')`;
  return due.length >= DUE_BY_CREDITS;
}

async function countCredits({ database }: TestFlow): Promise<unknown> {
  return database.sql`select count(*) from ledger_entries`;
}

/** Two workers start when a date is due; their ticks open the run and they share its invoices. */
async function payDate(flow: TestFlow, env: Record<string, string>, date: string): Promise<void> {
  // The database is slow until both have a share: one of them could otherwise be done before the other has looked.
  const endSlowness = await slowDownInvoices(flow.database, users);
  const workers = [await startWorker(env, `${date}T02:00:01Z`), await startWorker(env, `${date}T02:00:01Z`)];
  try {
    await watched(
      `the run of ${date}`,
      () => progressOf(flow),
      async () => {
        await Promise.all(workers.map((worker) => worker.untilSays("worker.started")));
        const { id } = await eventually(() => findRun(flow.ctx.db, date));
        await Promise.all(workers.map((worker) => worker.untilSays('"event":"invoices.created"')));
        await endSlowness();
        await followRun(flow.ctx, id, { onProgress: () => {} });
      },
    );
  } finally {
    expect(await Promise.all(workers.map((worker) => worker.stop()))).toEqual([0, 0]);
  }
}

/**
 * Starts a worker with a low concurrency, so that neither of two workers can take all jobs before the other takes any.
 */
async function startWorker(env: Record<string, string>, now: string): Promise<PayoutsProcess> {
  return startPayouts(["worker", "--now", now], { ...env, LOG_LEVEL: "info", WORKER_CONCURRENCY: JOBS_AT_A_TIME });
}

/** Compares a run with the independent computation, and updates the computed network to the state after the run. */
async function expectRun(
  flow: TestFlow,
  env: Record<string, string>,
  network: NetworkUser[],
  date: string,
  isMidMonth: boolean,
): Promise<void> {
  const outcomes = network.map((user) => expected(user, isMidMonth));
  const count = (outcome: string) => outcomes.filter((candidate) => candidate === outcome).length;
  const amounts = outcomes.filter((outcome) => typeof outcome === "number");
  const { stdout } = await runPayouts(["run", "--date", date, "--now", `${date}T12:00:00Z`, "--json"], env);
  expect(JSON.parse(stdout)).toEqual({
    paymentDate: date,
    kind: isMidMonth ? "mid-month" : "first-monday",
    state: "completed",
    considered: outcomes.filter((outcome) => outcome !== null).length,
    invoiced: amounts.length,
    failed: 0,
    skipped: {
      inactive: count("inactive"),
      "below-minimum": count("below-minimum"),
      "no-approved-method": count("no-approved-method"),
      "first-time-waits": count("first-time-waits"),
    },
    totalCents: String(amounts.reduce((sum, amount) => sum + amount, 0)),
  });
  await expectInvoices(flow, network, date, isMidMonth);
  for (const user of network) {
    if (typeof expected(user, isMidMonth) !== "number") continue;
    user.balance = 0;
    user.invoices += 1;
  }
  const balances = await flow.database.sql<{ external_id: string; balance_cents: bigint }[]>`
    select external_id, balance_cents from users`;
  expect(new Map(balances.map((row) => [row.external_id, Number(row.balance_cents)]))).toEqual(
    new Map(network.map((user) => [user.externalId, user.balance])),
  );
  expect(await runPayouts(["verify"], env)).toMatchObject({ code: 0 });
}

async function expectInvoices(flow: TestFlow, users: readonly NetworkUser[], date: string, isMidMonth: boolean) {
  const rows = await flow.database.sql<{ external_id: string; amount: bigint | null; reason: string | null }[]>`
    select u.external_id, i.amount_cents as amount, d.reason
    from users u
      left join (run_decisions d join payment_runs r on r.id = d.run_id and r.payment_date = ${date}) on d.user_id = u.id
      left join invoices i on i.user_id = u.id and i.payment_date = ${date}`;
  const found = new Map(rows.map((row) => [row.external_id, row.amount === null ? row.reason : Number(row.amount)]));
  const differing = users.filter((user) => found.get(user.externalId) !== expected(user, isMidMonth));
  expect(differing.map((user) => ({ ...user, found: found.get(user.externalId) }))).toEqual([]);
}
