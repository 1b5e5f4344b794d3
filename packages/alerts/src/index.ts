/** The channels that send alerts; each implements the pipeline's `Channel`. */
export { openEmail } from "./email.ts";
export { findSmtpProblem, findWebhookProblem } from "./urls.ts";
export { openWebhook } from "./webhook.ts";
