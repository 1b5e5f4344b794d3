/** The admin API as data: the operations with their schemas and rules of access, and a client made from them. */
export type { GuardedChange } from "./changes.ts";
export * from "./client.ts";
export { dateInput, idInPath, instantInput } from "./fields.ts";
export type { Invoice } from "./invoices.ts";
export * from "./operation.ts";
export * from "./operations.ts";
export * from "./problem.ts";
export { MIN_PASSWORD_LENGTH } from "./sessions.ts";
