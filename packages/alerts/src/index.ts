/** The channels by which alerts leave; the pipeline knows them as its `Channel`. */
export { openEmail } from "./email.ts";
export { findSmtpProblem, findWebhookProblem } from "./urls.ts";
export { openWebhook } from "./webhook.ts";
