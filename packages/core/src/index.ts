/** The rules of the domain, without input or output, in the words of docs/glossary.md. */
export * from "./admin-email.ts";
export * from "./alerts.ts";
export * from "./audit-context.ts";
export * from "./clock.ts";
export * from "./defined.ts";
export * from "./errors.ts";
export * from "./hosts.ts";
export * from "./ics.ts";
export * from "./log.ts";
export * from "./money.ts";
export * from "./payment-calendar.ts";
export * from "./policy.ts";
export * from "./schedule.ts";
export * from "./setup-checks.ts";
export * from "./sorts.ts";
export * from "./states.ts";
export * from "./whole-number.ts";
