/**
 * Connections and checks of the server, functions that read, and statements that write. A function that is not listed here
 * is used in this package only.
 */
export { type ConnectOptions, connect, type Db, type DbConnection } from "./client.ts";
export * from "./errors.ts";
export {
  type InvoiceReview,
  type InvoiceSelection,
  type InvoiceVerdict,
  isForfeit,
  type ReviewCount,
  type ReviewResult,
} from "./invoice-review.ts";
export * from "./migrate.ts";
export { NEW_ADDRESSES_A_DAY } from "./new-addresses.ts";
export * from "./pages.ts";
export * from "./ping.ts";
export { findDevice } from "./reads/admin-devices.ts";
export { type Admin, findAdmin, hasAdmins, listAdmins, listHashParameters } from "./reads/admins.ts";
export { type EntryEvent, findAlertedEntry, listEntriesToAlert } from "./reads/alert-entries.ts";
export {
  type AlertListing,
  isReviewOverdue,
  listAlerts,
  listOpenDeliveries,
  type OpenDelivery,
} from "./reads/alerts.ts";
export { type ApiToken, findApiTokenByName, listApiTokens } from "./reads/api-tokens.ts";
export { type AuditEntry, type AuditFilter, listAuditLog } from "./reads/audit-log.ts";
export { findSkipReasons, previewDecisions } from "./reads/decision-preview.ts";
export { type DecisionTotals, noDecisions, totalsOfRun, totalsOfRuns } from "./reads/decision-totals.ts";
export {
  countOpenDecisions,
  type DecisionFilter,
  type DecisionListing,
  type FailedDecision,
  findDecision,
  findOutcomes,
  listDecisions,
  listFailures,
  listUserDecisions,
  openDecisionsPage,
  type SettledDecision,
  type StoredDecision,
} from "./reads/decisions.ts";
export { type DoubledRow, findDoubledRows } from "./reads/doubled-rows.ts";
export {
  type DueChange,
  findGuardedChange,
  type GuardedChange,
  listDueChanges,
  listGuardedChanges,
  listUnannouncedChanges,
} from "./reads/guarded-changes.ts";
export { findViolations, type Violation } from "./reads/invariants.ts";
export { type InvoiceFilter, invoiceStatuses, type PreparedSearch, prepareSearch } from "./reads/invoice-filter.ts";
export { previewInvoiceReview, type ReviewPreview } from "./reads/invoice-review-preview.ts";
export {
  type InvoiceTally,
  type InvoiceTotals,
  tallyInvoices,
  totalInvoices,
  totalInvoicesQuickly,
} from "./reads/invoice-totals.ts";
export {
  findInvoice,
  findInvoiceNumber,
  findInvoiceStatuses,
  findOldestPending,
  type InvoiceListing,
  type InvoicePage,
  listInvoices,
} from "./reads/invoices.ts";
export { findEntryByKey, type LedgerEntry, listLedger } from "./reads/ledger.ts";
export {
  countMethods,
  findLatestMethod,
  listMethods,
  type MethodFilter,
  type MethodListing,
} from "./reads/payment-methods.ts";
export { findRowsAboveLimit, type RowAboveLimit } from "./reads/rows-above-limit.ts";
export {
  datesWithRun,
  findRun,
  getRun,
  listRuns,
  listRunsFinishedSince,
  listUnfinishedRuns,
  type PaymentRun,
} from "./reads/runs.ts";
export { type FollowedSchedule, findScheduler, type SchedulerState } from "./reads/scheduler.ts";
export {
  findAlertedSignIn,
  findProposedSecret,
  isSessionLive,
  listSessions,
  listSignInsToAlert,
  type NewAddressSignIn,
  type SessionListing,
} from "./reads/sessions.ts";
export { getSettings, type Settings } from "./reads/settings.ts";
export {
  listRefusedCodes,
  listSignInFailures,
  type RefusedCodes,
  type SignInFailures,
} from "./reads/sign-in-failures.ts";
export {
  countUsersOwed,
  findExternalId,
  findUser,
  hasUsers,
  listKnownExternalIds,
  listUsers,
  tallyUsers,
  type User,
  type UserFilter,
  type UserListing,
  type UserPage,
  type UserTally,
} from "./reads/users.ts";
export { refusedCodes } from "./refused-codes.ts";
export * as schema from "./schema/index.ts";
export { DEVICE_LIFE_MS, PROPOSAL_LIFE_MS, SESSION_IDLE_MS, SESSION_LIFE_MS } from "./session-lifetime.ts";
export { namedSettings, type SettingValues } from "./setting-columns.ts";
export * from "./setup.ts";
export type { TryCounter } from "./statements/count-tries.ts";
export type { CreatedInvoice } from "./statements/create-invoices.ts";
export type { AmountLimit, Credit, CreditResult } from "./statements/enter-once.ts";
export type { ChangeRequest, HeldChange } from "./statements/hold-change.ts";
export * from "./statements/index.ts";
export type { AlertCandidate } from "./statements/insert-alerts.ts";
export type { ImportCounts, ImportOutcome } from "./statements/merge-import.ts";
export type { OpenRunInput } from "./statements/open-run.ts";
export type { CommittedPreview, PreviewRefusal, ReviewOutcome } from "./statements/record-invoice-review.ts";
export type { MethodReview } from "./statements/record-method-review.ts";
export type { RecordedSchedule } from "./statements/record-schedule.ts";
export type { RecountResult, TallyDifference } from "./statements/recount-tallies.ts";
export type { SettledChange, Settlement, SettleRefusal } from "./statements/settle-change.ts";
export type { ImportRow } from "./statements/stage-import-rows.ts";
export type { AlertDelivery } from "./statements/start-delivery.ts";
export type { LiveToken } from "./statements/touch-api-token.ts";
export type { LiveSession } from "./statements/touch-session.ts";
export type { AdminChange } from "./statements/update-admin.ts";
export type { SettingsChange } from "./statements/update-settings.ts";
export { newToken, sha256 } from "./tokens.ts";
