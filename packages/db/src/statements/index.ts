/**
 * Every statement that writes, the look-ups that record their use included. Apps write through `pipeline` and `access`
 * only: biome.json has the same list of names, which the linter refuses in `apps`.
 */
export { confirmSession, endSession, findSession, openSession } from "../queries/admin-sessions.ts";
export { changeAdmin, createAdmin, setAdminPassword, setSecondFactor, useSecondFactor } from "../queries/admins.ts";
export { noteDeliveryError, raiseAlerts, reopenDeliveries, settleDelivery, startDelivery } from "../queries/alerts.ts";
export { createApiToken, findApiToken, revokeApiToken } from "../queries/api-tokens.ts";
export { recordAction } from "../queries/audit-log.ts";
export { decideChunk, recordFailure, reopenFailed } from "../queries/decisions.ts";
export {
  analyzeImported,
  analyzeImportRows,
  discardImport,
  discardImportsBefore,
  dropDoubledRows,
  mergeImport,
  stageImportRows,
} from "../queries/imports.ts";
export { createInvoices } from "../queries/invoices.ts";
export { adjustBalance, creditUser } from "../queries/ledger.ts";
export { reviewMethod } from "../queries/payment-methods.ts";
export { reviewInvoices } from "../queries/review-invoices.ts";
export { advanceFanOut, cancelRun, completeRun, openRun } from "../queries/runs.ts";
export { recordTick } from "../queries/scheduler.ts";
export { changeSettings } from "../queries/settings.ts";
export { addUpTallies } from "../queries/tallies.ts";
export { setUserStatus } from "../queries/users.ts";
export { countTry, forgetTries } from "./throttles.ts";
