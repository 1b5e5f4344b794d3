import { randomUUID } from "node:crypto";
import { nextPaymentDate, type PaymentDate } from "@cpa-payouts/core";
import { eventually, holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, type DbConnection } from "../client.ts";
import { isConflict } from "../errors.ts";
import { findViolations } from "../reads/invariants.ts";
import { getRun, type PaymentRun } from "../reads/runs.ts";
import {
  decidedRun,
  importNetwork,
  openTestData,
  type TestData,
  type TestUser,
  testPolicy,
  userIds,
} from "../testing/index.ts";
import * as statements from "./index.ts";

const NOW = new Date("2026-12-07T02:00:00Z");
const USERS = 9;
/** How often each of the two statements of a pair runs at the same time. */
const TIMES = 3;
const audit = { actor: "test", now: NOW };

const NAMES = Array.from({ length: USERS }, (_, index) => `u${index}`);

/** What a statement works on: rows that no pair before has used, and the users, who are the same for all pairs. */
interface Scene {
  readonly data: TestData;
  readonly db: DbConnection["db"];
  /** In `fanning-out`: a third of its users is invoiced, a third has failed, a third is open. */
  readonly run: PaymentRun;
  /** In `deciding`, with some users decided. */
  readonly deciding: PaymentRun;
  /** The ids and names of the users and their invoices, in key order or the other way round. */
  readonly ids: readonly number[];
  readonly names: readonly string[];
  readonly invoices: readonly string[];
  /** A text of this call's own. */
  readonly key: string;
}

type Move = (scene: Scene) => Promise<unknown>;
type StatementName = keyof typeof statements;

const perUser = (scene: Scene, work: (name: string, id: number) => Promise<unknown>) =>
  Promise.all(scene.names.map((name, index) => work(name, scene.ids[index] ?? 0)));

const entry = (scene: Scene, externalId: string) => ({
  ...audit,
  externalId,
  amountCents: 100n,
  note: "test",
  // Both kinds of entry use one key.
  key: `${scene.run.id}-${externalId}`,
  keyOwner: "cli" as const,
});

const review = (scene: Scene, to: Parameters<typeof statements.recordInvoiceReview>[1]["to"]) =>
  statements.recordInvoiceReview(scene.db, {
    ...audit,
    selection: { numbers: scene.invoices },
    to,
    isProgram: false,
  });

/** The statements that change money, runs, decisions, invoices or payment methods. */
const moves: Partial<Record<StatementName, Move>> = {
  createInvoices: ({ db, run, ids }) => statements.createInvoices(db, { runId: run.id, userIds: ids, now: NOW }),
  creditUser: (scene) => perUser(scene, (name) => statements.creditUser(scene.db, entry(scene, name))),
  enterAdjustment: (scene) => perUser(scene, (name) => statements.enterAdjustment(scene.db, entry(scene, name))),
  openRun: async ({ db, deciding }) => {
    const date = nextPaymentDate(deciding.paymentDate);
    await statements.openRun(db, { ...audit, date, trigger: "manual", policy: testPolicy });
  },
  decideChunk: ({ db, deciding }) => statements.decideChunk(db, { runId: deciding.id, limit: 2, now: NOW }),
  advanceFanOut: ({ db, run, ids }) =>
    statements.advanceFanOut(db, { runId: run.id, fanOutRound: 0, cursor: ids[0] ?? 0, finished: true, now: NOW }),
  rewindFanOut: async ({ db, run }) => statements.rewindFanOut(db, await getRun(db, run.id), { cursor: 1, now: NOW }),
  completeRun: async ({ db, run }) => statements.completeRun(db, await getRun(db, run.id), NOW),
  recordFailure: (scene) =>
    perUser(scene, (_, userId) =>
      statements.recordFailure(scene.db, { runId: scene.run.id, userId, error: "test", now: NOW }),
    ),
  reopenFailed: ({ db, run }) => statements.reopenFailed(db, { ...audit, runId: run.id, afterUserId: 0, limit: 5 }),
  requestCancel: async ({ db, run, deciding }) => {
    for (const { id: runId } of [run, deciding])
      await statements.requestCancel(db, { ...audit, runId, reason: "test" });
  },
  skipCancelled: async ({ db, run }) => {
    await statements.requestCancel(db, { ...audit, runId: run.id, reason: "test" });
    await statements.skipCancelled(db, { runId: run.id, afterUserId: 0, limit: 5, now: NOW });
  },
  recordInvoiceReview: async (scene) => {
    await review(scene, { status: "rejected", reason: "test", disposition: "return" });
    await review(scene, { status: "paid" });
  },
  recordMethodReview: (scene) =>
    perUser(scene, (externalId, id) => {
      const to = id % 2 ? ({ status: "approved" } as const) : ({ status: "rejected", reason: "test" } as const);
      return statements.recordMethodReview(scene.db, { ...audit, externalId, to });
    }),
  updateUserStatus: (scene) =>
    perUser(scene, (externalId, id) => {
      const status = id % 2 ? "suspended" : "active";
      return statements.updateUserStatus(scene.db, { ...audit, externalId, status, reason: "test" });
    }),
  mergeImport: async ({ data, db, names, key }) => {
    const users = names.map(
      (externalId): TestUser => ({ externalId, binanceEmail: `${externalId}-${key}@pay.example.com` }),
    );
    // Of two imports of the same users at the same moment, one may be refused.
    await importNetwork({ ...data.ctx, db }, users).catch((cause: unknown) => {
      if (!isConflict(cause)) throw cause;
    });
  },
};

/** The statements that change none of this. */
const others: readonly StatementName[] = [
  "addUpTallies",
  "analyzeImportRows",
  "analyzeImported",
  "announceChanges",
  "auditRefusedCodes",
  "auditSignInFailures",
  "clearSecondFactor",
  "countTries",
  "discardImport",
  "discardImportsBefore",
  "dropDoubledRows",
  "dropRowsAboveLimit",
  "forgetTries",
  "giveBackTries",
  "holdChange",
  "insertAdmin",
  "insertAlerts",
  "insertApiToken",
  "insertAuditEntry",
  "insertReviewPreview",
  "liftTries",
  "markApiTokenRevoked",
  "markSessionConfirmed",
  "markSessionEnded",
  "noteDeliveryError",
  "noteSignInFailure",
  "openSession",
  "pruneSignIns",
  "recordSchedule",
  "recordTick",
  "recordTickFailure",
  "recordTickSuccess",
  "recountTallies",
  "renewPasswordHash",
  "reopenDeliveries",
  "setAdminPassword",
  "setSecondFactor",
  "settleChange",
  "settleDelivery",
  "stageImportRows",
  "startDelivery",
  "stopChange",
  "storeProposedSecret",
  "touchApiToken",
  "touchSession",
  "updateAdmin",
  "updateSettings",
  "useSecondFactor",
];

const names = Object.keys(moves) as StatementName[];

let data: TestData;
let date: PaymentDate;

beforeEach(async () => {
  data = await openTestData({
    now: NOW.toISOString(),
    users: NAMES.map((externalId) => ({ externalId, balance: "100000.00" })),
  });
  date = { date: "2026-12-07", kind: "first-monday" };
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

/** The next payment date, which no pair has used. */
function nextDate(): string {
  const { date: present } = date;
  date = nextPaymentDate(present);
  return present;
}

async function openScene(db: DbConnection["db"]): Promise<Omit<Scene, "key">> {
  await data.database.sql`update users set status = 'active'`;
  await data.database.sql`update payment_methods set status = 'approved' where status = 'rejected'`;
  const run = await decidedRun(data.ctx, nextDate());
  const ids = Object.values(await userIds(data.database)).sort((a, b) => a - b);
  const [invoiced, failed] = [ids.slice(0, USERS / 3), ids.slice(USERS / 3, (2 * USERS) / 3)];
  const created = await statements.createInvoices(db, { runId: run.id, userIds: invoiced, now: NOW });
  for (const userId of failed) await statements.recordFailure(db, { runId: run.id, userId, error: "test", now: NOW });
  const next = nextPaymentDate(nextDate());
  const { run: deciding } = await statements.openRun(db, {
    ...audit,
    date: next,
    trigger: "manual",
    policy: testPolicy,
  });
  nextDate();
  await statements.decideChunk(db, { runId: deciding.id, limit: 2, now: NOW });
  const invoices = created.flatMap((one) => (one.outcome === "invoiced" ? [one.number] : []));
  return { data, db, run, deciding, ids, names: NAMES, invoices };
}

function reversed(scene: Omit<Scene, "key">): Omit<Scene, "key"> {
  const { ids, names: users, invoices } = scene;
  return { ...scene, ids: [...ids].reverse(), names: [...users].reverse(), invoices: [...invoices].reverse() };
}

/** Runs two statements at the same time, several times each, over the same rows in opposite orders. */
async function meet(db: DbConnection["db"], [first, second]: readonly [Move, Move]): Promise<void> {
  const scene = await openScene(db);
  const calls = Array.from({ length: TIMES }, () => [
    first({ ...scene, key: randomUUID() }),
    second({ ...reversed(scene), key: randomUUID() }),
  ]);
  await Promise.all(calls.flat());
}

/** The deadlocks that PostgreSQL has counted. A connection reports its own when it ends, at the latest. */
async function countDeadlocks(applicationName: string): Promise<number> {
  const { sql } = data.database;
  await eventually(async () => {
    const [row] =
      await sql`select count(*)::int as open from pg_stat_activity where application_name = ${applicationName}`;
    return row?.open === 0;
  });
  const [row] = await sql`
    select deadlocks::int as deadlocks from pg_stat_database where datname = current_database()`;
  return row?.deadlocks as number;
}

describe("statements that meet at the same rows", () => {
  it("every statement that writes is in one of the two lists of this test", () => {
    expect([...names, ...others].sort()).toEqual(Object.keys(statements).sort());
  });

  it.each(names)(
    "%s and any other statement that moves money or state never wait for each other in a circle",
    async (name) => {
      const applicationName = `pairs-${randomUUID().slice(0, 8)}`;
      const many = connect({ url: data.database.url, max: 2 * TIMES * 2, applicationName, steadyPlans: true });
      for (const other of names.slice(names.indexOf(name)))
        await meet(many.db, [moves[name] as Move, moves[other] as Move]);
      await many.close();
      expect(await countDeadlocks(applicationName)).toBe(0);
    },
  );
});

describe("statements that change administrators, settings and the changes that wait", () => {
  const emails = ["alice@example.com", "bob@example.com", "carol@example.com"];
  const [ALICE = "", BOB = "", CAROL = ""] = emails;

  it("statements about access that meet never wait for each other in a circle", async () => {
    const applicationName = `access-${randomUUID().slice(0, 8)}`;
    const many = connect({ url: data.database.url, max: 45, applicationName, steadyPlans: true });
    const { db } = many;
    const ids = new Map<string, number>();
    for (const email of emails) {
      const added = await statements.insertAdmin(db, { ...audit, email, role: "admin", passwordHash: "hash" });
      if (added.status === "created") ids.set(email, added.adminId);
    }
    const requested = { ...audit, actor: ALICE, requestedBy: ids.get(ALICE) ?? 0 };
    const later = { ...audit, now: new Date(NOW.getTime() + 2 * 86_400_000) };
    const isGuarded = true;
    await statements.updateSettings(db, { ...audit, twoPersonAboveCents: 1n });
    for (let round = 0; round < 25; round++) {
      const requests = [
        { kind: "settings", object: "settings", wanted: { twoPersonAboveCents: `${round + 2}` } },
        { kind: "reset-password", object: `admin:${BOB}`, wanted: {} },
        { kind: "create-admin", object: `admin:dan${round}@example.com`, wanted: { role: "admin" } },
      ] as const;
      const held = await Promise.all(requests.map((one) => statements.holdChange(db, { ...requested, ...one })));
      const secret = { email: CAROL, passwordHash: "other", isIssued: true, isGuarded };
      const dan = { email: `dan${round}@example.com`, role: "admin", passwordHash: "hash", isGuarded } as const;
      const changes = held.map(({ change }) => change).filter((change) => change !== null);
      const confirmations = changes.flatMap(({ id: changeId, kind }) =>
        [BOB, CAROL].map((email) => () => {
          const settlement = { ...later, changeId, kind, passwordHash: "issued", confirmedBy: ids.get(email) ?? 0 };
          return statements.settleChange(db, settlement);
        }),
      );
      const others = [
        () => statements.announceChanges(db, { isAlerting: false, now: NOW }),
        () => statements.setAdminPassword(db, { ...audit, ...secret }),
        () => statements.setAdminPassword(db, { ...audit, ...secret, email: BOB }),
        () => statements.clearSecondFactor(db, { ...audit, email: CAROL, isByAnother: true, isGuarded }),
        () => statements.insertAdmin(db, { ...audit, ...dan }),
        () => statements.updateSettings(db, { ...audit, coolingOffDays: round }, { isGuarded }),
        () => statements.updateSettings(db, { ...audit, twoPersonAboveCents: round % 2 ? null : 1n }),
        () => statements.updateAdmin(db, { ...later, email: CAROL, role: "operator", isGuarded }),
        () => statements.updateAdmin(db, { ...later, email: ALICE, isDisabled: true, isGuarded }),
      ];
      const calls: readonly (() => Promise<unknown>)[] = [...confirmations, ...others];
      await Promise.all(calls.flatMap((call) => Array.from({ length: TIMES }, call)));
      for (const email of emails)
        await statements.updateAdmin(db, { ...audit, email, role: "admin", isDisabled: false });
    }
    await many.close();
    expect(await countDeadlocks(applicationName)).toBe(0);
  });
});

describe("statements that change many decisions of a run", () => {
  const cases = [
    {
      what: "cancelling a run",
      prepare: (db: DbConnection["db"], runId: number) =>
        statements.requestCancel(db, { ...audit, runId, reason: "test" }),
      change: (db: DbConnection["db"], runId: number) =>
        statements.skipCancelled(db, { runId, afterUserId: 0, limit: 100, now: NOW }),
    },
    {
      what: "retrying a run",
      prepare: async (db: DbConnection["db"], runId: number) => {
        for (const userId of [1, 2, 3]) await statements.recordFailure(db, { runId, userId, error: "test", now: NOW });
      },
      change: (db: DbConnection["db"], runId: number) =>
        statements.reopenFailed(db, { ...audit, runId, afterUserId: 0, limit: 100 }),
    },
  ];

  it.each(cases)(
    "$what takes the decisions in key order, whatever their order in the table",
    async ({ prepare, change }) => {
      const { sql } = data.database;
      const { id: runId } = await decidedRun(data.ctx, nextDate());
      await prepare(data.ctx.db, runId);
      // In the table, the first user's decision is the last one now.
      await sql`update run_decisions set settled_at = settled_at where user_id = 1`;
      const holder = await holdTransaction(
        data.database,
        (held) => held`select from run_decisions where user_id = 2 for update`,
      );
      const changed = change(data.ctx.db, runId);
      await untilBlocked(data.database);
      const free = await sql`select user_id::int from run_decisions where user_id in (1, 3) for update skip locked`;
      expect([...free]).toEqual([{ user_id: 3 }]);
      await holder.rollback();
      await changed;
    },
  );
});
