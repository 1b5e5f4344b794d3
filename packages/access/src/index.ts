/**
 * Who may use an installation, and how they prove it: administrators with passwords, second factors and sessions, and
 * programs with API tokens. The API and the command line use this package; what belongs to HTTP is in
 * `apps/api/src/access`.
 */
export { MIN_PASSWORD_LENGTH } from "@cpa-payouts/contract";
export * from "./admins.ts";
export * from "./api-tokens.ts";
export type { Refusal } from "./authenticate.ts";
export type { AccessContext } from "./context.ts";
export { type Confirmation, confirmChange, stopWaitingChange } from "./guarded-changes.ts";
export { networkOf, siteOf } from "./networks.ts";
export { hashPassword, type PasswordCost } from "./passwords.ts";
export { proposeSecondFactor, switchOnSecondFactor } from "./second-factor.ts";
export * from "./sessions.ts";
export { hashToken } from "./tokens.ts";
export * from "./work-queue.ts";
