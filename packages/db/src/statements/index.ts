/**
 * Every statement that writes, including the look-ups that record when they were used. Apps write through `pipeline` and `access`
 * only: biome.json has the same list of names, which the linter refuses in `apps`.
 */

export { addUpTallies } from "./add-up-tallies.ts";
export { advanceFanOut } from "./advance-fan-out.ts";
export { analyzeImportRows } from "./analyze-import-rows.ts";
export { analyzeImported } from "./analyze-imported.ts";
export { cancelUnchangedRun } from "./cancel-unchanged-run.ts";
export { completeRun } from "./complete-run.ts";
export { countTry } from "./count-try.ts";
export { createInvoices } from "./create-invoices.ts";
export { creditUser } from "./credit-user.ts";
export { decideChunk } from "./decide-chunk.ts";
export { discardImport } from "./discard-import.ts";
export { discardImportsBefore } from "./discard-imports-before.ts";
export { dropDoubledRows } from "./drop-doubled-rows.ts";
export { dropRowsAboveLimit } from "./drop-rows-above-limit.ts";
export { enterAdjustment } from "./enter-adjustment.ts";
export { forgetTries } from "./forget-tries.ts";
export { insertAdmin } from "./insert-admin.ts";
export { insertAlerts } from "./insert-alerts.ts";
export { insertApiToken } from "./insert-api-token.ts";
export { insertAuditEntry } from "./insert-audit-entry.ts";
export { markApiTokenRevoked } from "./mark-api-token-revoked.ts";
export { markSessionConfirmed } from "./mark-session-confirmed.ts";
export { markSessionEnded } from "./mark-session-ended.ts";
export { mergeImport } from "./merge-import.ts";
export { noteDeliveryError } from "./note-delivery-error.ts";
export { openRun } from "./open-run.ts";
export { openSession } from "./open-session.ts";
export { recordFailure } from "./record-failure.ts";
export { recordInvoiceReview } from "./record-invoice-review.ts";
export { recordMethodReview } from "./record-method-review.ts";
export { recordTick } from "./record-tick.ts";
export { recordTickFailure } from "./record-tick-failure.ts";
export { recordTickSuccess } from "./record-tick-success.ts";
export { recountTallies } from "./recount-tallies.ts";
export { reopenDeliveries } from "./reopen-deliveries.ts";
export { reopenFailed } from "./reopen-failed.ts";
export { setAdminPassword } from "./set-admin-password.ts";
export { setSecondFactor } from "./set-second-factor.ts";
export { settleDelivery } from "./settle-delivery.ts";
export { stageImportRows } from "./stage-import-rows.ts";
export { startDelivery } from "./start-delivery.ts";
export { touchApiToken } from "./touch-api-token.ts";
export { touchSession } from "./touch-session.ts";
export { updateAdmin } from "./update-admin.ts";
export { updateSettings } from "./update-settings.ts";
export { updateUserStatus } from "./update-user-status.ts";
export { useSecondFactor } from "./use-second-factor.ts";
