/**
 * The server and its connections, what reads, and the statements that write. What is not listed here is used in this
 * package only.
 */
export * from "./client.ts";
export * from "./errors.ts";
export * from "./migrate.ts";
export * from "./pages.ts";
export * from "./ping.ts";
export {
  type LiveSession,
  listSessions,
  SESSION_IDLE_MS,
  SESSION_LIFE_MS,
  type SessionListing,
} from "./queries/admin-sessions.ts";
export { type Admin, type AdminChange, findAdmin, hasAdmins, listAdmins } from "./queries/admins.ts";
export {
  type AlertCandidate,
  type AlertDelivery,
  type AlertListing,
  isReviewOverdue,
  listAlerts,
  listOpenDeliveries,
  listRunsFinishedSince,
} from "./queries/alerts.ts";
export { type ApiToken, listApiTokens } from "./queries/api-tokens.ts";
export { type AuditEntry, type AuditFilter, listAuditLog } from "./queries/audit-log.ts";
export {
  countOpenDecisions,
  countUsersOwed,
  type DecisionTotals,
  findOutcomes,
  findSkipReasons,
  openDecisionsPage,
  previewDecisions,
  type SettledDecision,
} from "./queries/decisions.ts";
export { type DoubledRow, findDoubledRows, type ImportCounts, type ImportRow } from "./queries/imports.ts";
export { type CreatedInvoice, findInvoiceStatuses } from "./queries/invoices.ts";
export { type Credit, type CreditResult, findEntryByKey, type LedgerEntry, listLedger } from "./queries/ledger.ts";
export {
  countMethods,
  findLatestMethod,
  listMethods,
  type MethodFilter,
  type MethodListing,
  type MethodReview,
} from "./queries/payment-methods.ts";
export {
  type InvoiceReview,
  type InvoiceSelection,
  type InvoiceVerdict,
  previewInvoiceReview,
  type ReviewCount,
  type ReviewOutcome,
  type ReviewPreview,
  type ReviewResult,
} from "./queries/review-invoices.ts";
export {
  datesWithRun,
  findRun,
  getRun,
  listRuns,
  listUnfinishedRuns,
  type OpenRunInput,
  type PaymentRun,
} from "./queries/runs.ts";
export { findScheduler, type SchedulerState } from "./queries/scheduler.ts";
export { getSettings, type Settings, type SettingsChange } from "./queries/settings.ts";
export { type InvoiceTally, tallyInvoices } from "./queries/tallies.ts";
export {
  findExternalId,
  findUser,
  hasUsers,
  listUsers,
  tallyUsers,
  type User,
  type UserFilter,
  type UserListing,
  type UserPage,
  type UserSort,
  type UserTally,
  userSorts,
} from "./queries/users.ts";
export {
  type DecisionFilter,
  type DecisionListing,
  type FailedDecision,
  findDecision,
  listDecisions,
  listFailures,
  listUserDecisions,
  noDecisions,
  type StoredDecision,
  totalsOfRun,
  totalsOfRuns,
} from "./reads/decision-lists.ts";
export { findViolations, type Violation } from "./reads/invariants.ts";
export { type InvoiceFilter, invoiceStatuses, type PreparedSearch, prepareSearch } from "./reads/invoice-filter.ts";
export {
  findInvoice,
  findInvoiceNumber,
  findOldestPending,
  type InvoiceListing,
  type InvoicePage,
  type InvoiceSort,
  type InvoiceTotals,
  invoiceSorts,
  listInvoices,
  totalInvoices,
  totalInvoicesQuickly,
} from "./reads/invoices.ts";
export * as schema from "./schema/index.ts";
export * from "./setup.ts";
export * from "./statements/index.ts";
