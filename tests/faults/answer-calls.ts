import {
  addUpTallies,
  advanceFanOut,
  completeRun,
  countMethods,
  countOpenDecisions,
  countUsersOwed,
  createInvoices,
  creditUser,
  type Db,
  datesWithRun,
  decideChunk,
  enterAdjustment,
  findAdmin,
  findDecision,
  findEntryByKey,
  findExternalId,
  findInvoice,
  findInvoiceNumber,
  findInvoiceStatuses,
  findLatestMethod,
  findOldestPending,
  findOutcomes,
  findRun,
  findScheduler,
  findSkipReasons,
  findUser,
  findViolations,
  getRun,
  getSettings,
  hasAdmins,
  hasUsers,
  insertAdmin,
  insertAlerts,
  insertApiToken,
  isReviewOverdue,
  listAdmins,
  listAlerts,
  listApiTokens,
  listAuditLog,
  listDecisions,
  listFailures,
  listInvoices,
  listLedger,
  listMethods,
  listOpenDeliveries,
  listRuns,
  listRunsFinishedSince,
  listSessions,
  listUnfinishedRuns,
  listUserDecisions,
  listUsers,
  markApiTokenRevoked,
  markSessionEnded,
  openDecisionsPage,
  openRun,
  openSession,
  type PaymentRun,
  prepareSearch,
  previewDecisions,
  previewInvoiceReview,
  recordFailure,
  recordInvoiceReview,
  recordMethodReview,
  recordTick,
  reopenFailed,
  requestCancel,
  tallyInvoices,
  tallyUsers,
  totalInvoices,
  totalInvoicesQuickly,
  totalsOfRun,
  touchApiToken,
  touchSession,
  updateAdmin,
  updateSettings,
  updateUserStatus,
} from "@cpa-payouts/db";
import { decidedRun, importNetwork, invoicedRun, type TestData, testPolicy } from "@cpa-payouts/db/testing";

/** A call whose answer is the same each time: it reads, or it makes a change that is made already. */
export type RepeatedCall = readonly [name: string, call: (db: Db) => Promise<unknown>];

const NOW = new Date("2026-12-08T10:00:00Z");
const DATE = { date: "2026-12-07", kind: "first-monday" } as const;
const NEXT = { date: "2026-12-21", kind: "mid-month" } as const;
const audit = { actor: "root", requestId: "r-1", clientAddress: "192.0.2.1", now: NOW };
const USERS = 60;

/** The user whom failing statements try to change. No call reads the balance. */
export const TARGET = "u0";

interface Prepared {
  readonly done: PaymentRun;
  readonly open: PaymentRun;
}

/** Fills a database with a finished run, an open one with a failed user, administrators, tokens, sessions and alerts. */
export async function prepareCalls(data: TestData): Promise<readonly RepeatedCall[]> {
  const { db } = data.ctx;
  const users = Array.from({ length: USERS }, (_, index) => ({
    externalId: `u${index}`,
    balance: `${100 + index}.00`,
    method: index % 7 === 0 ? ("pending" as const) : ("approved" as const),
  }));
  await importNetwork(data.ctx, users);
  const { run } = await invoicedRun(data, DATE.date);
  await advanceFanOut(db, { runId: run.id, fanOutRound: 0, cursor: USERS, finished: true, now: NOW });
  await completeRun(db, run, NOW);
  for (let user = 0; user < USERS; user += 2)
    await creditUser(db, {
      ...audit,
      externalId: `u${user}`,
      amountCents: 200_00n,
      key: `opening-${user}`,
      keyOwner: "cli",
      note: null,
    });
  const open = await decidedRun(data.ctx, NEXT.date);
  await advanceFanOut(db, { runId: open.id, fanOutRound: 0, cursor: USERS, finished: true, now: NOW });
  await recordFailure(db, { runId: open.id, userId: 3, error: "no luck", now: NOW });
  const ann = await insertAdmin(db, { ...audit, email: "ann@example.com", role: "admin", passwordHash: "hash" });
  const adminId = ann.status === "created" ? ann.adminId : 0;
  const client = { clientAddress: "192.0.2.1", clientNetwork: "192.0.2.1", isLocal: false, userAgent: "browser" };
  for (const tokenHash of ["session-1", "session-2"]) {
    const device = { tokenHash: `device of ${tokenHash}`, replacesTokenHash: null };
    await openSession(db, {
      ...audit,
      ...client,
      adminId,
      credentialsVersion: 0,
      tokenHash,
      device,
      replacesTokenHash: null,
    });
  }
  const prepared = { done: await getRun(db, run.id), open: await getRun(db, open.id) };
  return [...reads(prepared), ...repeatedChanges(prepared)];
}

function reads({ done, open }: Prepared): readonly RepeatedCall[] {
  const numbers = [1, 2, 3].map((user) => `INV-20261207-${user}`);
  const review = {
    ...audit,
    isProgram: false,
    selection: { filter: { status: "pending" } },
    to: { status: "paid" },
  } as const;
  const coolingOff = { minimumBalanceCents: 100_00n, coolingOffDays: 0, since: NOW };
  return [
    ["findAdmin", (db) => findAdmin(db, "ann@example.com")],
    ["listAdmins", listAdmins],
    ["hasAdmins", hasAdmins],
    ["isReviewOverdue", (db) => isReviewOverdue(db, NOW)],
    ["listOpenDeliveries", (db) => listOpenDeliveries(db, ["webhook"], 10)],
    ["listAlerts", (db) => listAlerts(db, 10)],
    ["listApiTokens", listApiTokens],
    ["listAuditLog", (db) => listAuditLog(db, { action: "invoice.create" }, { limit: 40 })],
    ["previewDecisions", (db) => previewDecisions(db, { date: NEXT, minimumBalanceCents: 100_00n, now: NOW })],
    ["findSkipReasons", (db) => findSkipReasons(db, { userId: 8, kind: "mid-month", ...coolingOff })],
    ["totalsOfRun", (db) => totalsOfRun(db, open.id)],
    ["listFailures", (db) => listFailures(db, open.id)],
    ["findDecision", (db) => findDecision(db, 5)],
    ["listUserDecisions", (db) => listUserDecisions(db, 5, 10)],
    ["listDecisions", (db) => listDecisions(db, done.id, {}, { afterUserId: 10, limit: 40 })],
    ["countOpenDecisions", (db) => countOpenDecisions(db, open.id)],
    ["openDecisionsPage", (db) => openDecisionsPage(db, { runId: open.id, afterUserId: 0, limit: 100 })],
    ["findOutcomes", (db) => findOutcomes(db, done.id, [1, 2, 3, 8])],
    ["prepareSearch", async (db) => (await prepareSearch(db, { search: "u1" })).isBroad],
    ["previewInvoiceReview", (db) => previewInvoiceReview(db, review)],
    ["totalInvoices", (db) => totalInvoices(db, { minimumAmountCents: 120_00n })],
    ["totalInvoicesQuickly", (db) => totalInvoicesQuickly(db, { status: "pending" })],
    ["tallyInvoices", tallyInvoices],
    ["listInvoices", (db) => listInvoices(db, { search: "u" }, { sort: "newest", limit: 50 })],
    ["findInvoice", (db) => findInvoice(db, "INV-20261207-2")],
    ["findInvoice of another system", (db) => findInvoice(db, "INV-20200101-2")],
    ["findOldestPending", findOldestPending],
    ["findInvoiceNumber", (db) => findInvoiceNumber(db, { runId: done.id, userId: 2 })],
    ["findInvoiceStatuses", (db) => findInvoiceStatuses(db, numbers)],
    ["listLedger", (db) => listLedger(db, 5, { limit: 10 })],
    ["findEntryByKey", (db) => findEntryByKey(db, { key: "opening-4", keyOwner: "cli" })],
    ["findLatestMethod", (db) => findLatestMethod(db, "u7")],
    ["countMethods", (db) => countMethods(db, "pending")],
    ["listMethods", (db) => listMethods(db, { status: "approved" }, { afterId: 0, limit: 60 })],
    ["findRun", (db) => findRun(db, DATE.date)],
    ["findRun of a date without a run", (db) => findRun(db, "2027-01-04")],
    ["getRun", (db) => getRun(db, open.id)],
    ["listRuns", (db) => listRuns(db)],
    ["listUnfinishedRuns", listUnfinishedRuns],
    ["listRunsFinishedSince", (db) => listRunsFinishedSince(db, NOW)],
    ["datesWithRun", (db) => datesWithRun(db, [DATE.date, "2027-01-04"])],
    ["findScheduler", findScheduler],
    ["listSessions", (db) => listSessions(db, NOW)],
    ["getSettings", getSettings],
    ["findUser", (db) => findUser(db, "u9")],
    ["findUser of an unknown user", (db) => findUser(db, "unknown")],
    ["findExternalId", (db) => findExternalId(db, 9)],
    ["hasUsers", hasUsers],
    ["listUsers", (db) => listUsers(db, { search: "u" }, { sort: "oldest", limit: 60 })],
    ["tallyUsers", tallyUsers],
    ["countUsersOwed", countUsersOwed],
    ["findViolations", (db) => findViolations(db, () => {})],
  ];
}

function repeatedChanges({ done, open }: Prepared): readonly RepeatedCall[] {
  const credit = { ...audit, externalId: "u1", keyOwner: "cli", note: "by hand" } as const;
  const method = { ...audit, externalId: "u14", to: { status: "approved" } } as const;
  const review = {
    ...audit,
    isProgram: false,
    selection: { numbers: ["INV-20261207-2"] },
    to: { status: "paid" },
  } as const;
  const token = {
    ...audit,
    name: "reader",
    tokenHash: "token-1",
    scopes: ["users:read", "a,b"],
    expiresAt: new Date("2027-01-01"),
  };
  const alert = { key: "date-missed:2026-11-16", event: "date-missed", paymentDate: "2026-11-16" } as const;
  return [
    ["addUpTallies", addUpTallies],
    [
      "advanceFanOut",
      (db) => advanceFanOut(db, { runId: done.id, fanOutRound: 0, cursor: 1, finished: true, now: NOW }),
    ],
    ["requestCancel", (db) => requestCancel(db, { ...audit, runId: done.id, reason: "too late" })],
    ["completeRun", (db) => completeRun(db, open, NOW)],
    ["createInvoices", (db) => createInvoices(db, { runId: done.id, userIds: [1, 2, 3], now: NOW })],
    ["creditUser", (db) => creditUser(db, { ...credit, amountCents: 5n, key: "key-1" })],
    ["creditUser with a key of another", (db) => creditUser(db, { ...credit, amountCents: 6n, key: "key-1" })],
    [
      "creditUser for an unknown user",
      (db) => creditUser(db, { ...credit, externalId: "unknown", amountCents: 6n, key: "key-2" }),
    ],
    ["decideChunk", (db) => decideChunk(db, { runId: open.id, limit: 10, now: NOW })],
    ["enterAdjustment", (db) => enterAdjustment(db, { ...credit, amountCents: -5n, key: "key-3" })],
    [
      "insertAdmin",
      (db) => insertAdmin(db, { ...audit, email: "ben@example.com", role: "viewer", passwordHash: "hash" }),
    ],
    ["insertAlerts", (db) => insertAlerts(db, { candidates: [alert], channels: ["webhook", "email"], now: NOW })],
    ["insertApiToken", (db) => insertApiToken(db, token)],
    ["insertApiToken revoked", (db) => insertApiToken(db, { ...token, name: "old", tokenHash: "token-2" })],
    ["markApiTokenRevoked", (db) => markApiTokenRevoked(db, { ...audit, name: "old" })],
    ["touchApiToken", (db) => touchApiToken(db, "token-1", NOW)],
    ["touchApiToken revoked", (db) => touchApiToken(db, "token-2", NOW)],
    ["markSessionEnded", (db) => markSessionEnded(db, { ...audit, sessionId: 2 })],
    ["touchSession", (db) => touchSession(db, "session-1", NOW)],
    ["touchSession ended", (db) => touchSession(db, "session-2", NOW)],
    ["openRun", (db) => openRun(db, { ...audit, date: DATE, trigger: "manual", policy: testPolicy })],
    ["recordFailure", (db) => recordFailure(db, { runId: done.id, userId: 1, error: "late", now: NOW })],
    ["recordInvoiceReview", (db) => recordInvoiceReview(db, review)],
    ["recordMethodReview", (db) => recordMethodReview(db, method)],
    ["recordTick", (db) => recordTick(db, NOW, { isAlerting: true })],
    ["reopenFailed", (db) => reopenFailed(db, { ...audit, runId: done.id, afterUserId: 0, limit: 10 })],
    ["updateAdmin", (db) => updateAdmin(db, { ...audit, email: "ben@example.com", role: "viewer" })],
    ["updateSettings", (db) => updateSettings(db, { ...audit, reviewAlertDays: 9 })],
    [
      "updateUserStatus",
      (db) => updateUserStatus(db, { ...audit, externalId: "u11", status: "suspended", reason: "a test" }),
    ],
  ];
}
