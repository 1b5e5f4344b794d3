/**
 * Every statement that writes, the look-ups that record their use included. Apps write through `pipeline` and `access`
 * only: biome.json has the same list of names, which the linter refuses in `apps`.
 */

export { addUpTallies } from "./add-up-tallies.ts";
export { adjustBalance } from "./adjust-balance.ts";
export { advanceFanOut } from "./advance-fan-out.ts";
export { noteDeliveryError, reopenDeliveries, settleDelivery, startDelivery } from "./alert-deliveries.ts";
export { cancelRun } from "./cancel-run.ts";
export { changeAdmin } from "./change-admin.ts";
export { changeSettings } from "./change-settings.ts";
export { completeRun } from "./complete-run.ts";
export { confirmSession } from "./confirm-session.ts";
export { createAdmin } from "./create-admin.ts";
export { createApiToken } from "./create-api-token.ts";
export { createInvoices } from "./create-invoices.ts";
export { creditUser } from "./credit-user.ts";
export { decideChunk } from "./decide-chunk.ts";
export { endSession } from "./end-session.ts";
export { findApiToken } from "./find-api-token.ts";
export { findSession } from "./find-session.ts";
export {
  analyzeImported,
  analyzeImportRows,
  discardImport,
  discardImportsBefore,
  dropDoubledRows,
  mergeImport,
  stageImportRows,
} from "./import-users.ts";
export { openRun } from "./open-run.ts";
export { openSession } from "./open-session.ts";
export { raiseAlerts } from "./raise-alerts.ts";
export { recordAction } from "./record-action.ts";
export { recordFailure } from "./record-failure.ts";
export { recordTick } from "./record-tick.ts";
export { reopenFailed } from "./reopen-failed.ts";
export { reviewInvoices } from "./review-invoices.ts";
export { reviewMethod } from "./review-method.ts";
export { revokeApiToken } from "./revoke-api-token.ts";
export { setAdminPassword } from "./set-admin-password.ts";
export { setSecondFactor } from "./set-second-factor.ts";
export { setUserStatus } from "./set-user-status.ts";
export { countTry, forgetTries } from "./throttles.ts";
export { useSecondFactor } from "./use-second-factor.ts";
