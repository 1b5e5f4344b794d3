import { type AlertMessage, isLoopback } from "@cpa-payouts/core";
import { findSmtpProblem } from "./urls.ts";

const TIMEOUT_MS = 10_000;

export interface EmailOptions {
  /** `smtps://` for TLS from the start, `smtp://` for STARTTLS. */
  readonly smtpUrl: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly timeoutMs?: number;
}

/**
 * Opens the e-mail channel: plain text through a mail server, to the recipient of the message, or to those of the
 * channel and the administrators whom the message names. An alert sent again has the same Message-ID, so a mail program can
 * recognise the copy. `send` resolves with the number of refused recipients, and rejects when all are
 * refused.
 *
 * @throws Error when the URL is not usable, see {@link findSmtpProblem}
 */
export function openEmail({ smtpUrl, from, to, timeoutMs = TIMEOUT_MS }: EmailOptions) {
  const problem = findSmtpProblem(smtpUrl);
  if (problem) throw new Error(problem);
  const { host } = new URL(smtpUrl);
  // Every command reads the alert settings, few open the channel: the library is loaded by those that do.
  const opening = import("nodemailer").then(({ createTransport }) =>
    createTransport(transportOptions(new URL(smtpUrl), timeoutMs)),
  );
  return {
    send: async (message: AlertMessage): Promise<{ refused: number }> => {
      const transport = await opening;
      const mail = { from, to: recipientsOf(message, to), ...mailOf(message, from) };
      const { rejected } = await transport.sendMail(mail).catch((cause: Error) => {
        throw new Error(`the mail server at ${host} did not accept the message: ${cause.message}`);
      });
      return { refused: rejected.length };
    },
  };
}

function recipientsOf({ recipient, alsoTo = [] }: AlertMessage, to: readonly string[]): string[] {
  return recipient ? [recipient] : [...new Set([...to, ...alsoTo])];
}

/**
 * Credentials never leave this machine unencrypted: with credentials STARTTLS is required, without them it is used if
 * the server offers it. It is not used on loopback, where the certificate of a local relay rarely names localhost.
 */
function transportOptions(url: URL, timeoutMs: number) {
  const isSecure = url.protocol === "smtps:";
  const hasCredentials = url.username !== "";
  const auth = { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (isSecure ? 465 : 587),
    secure: isSecure,
    ...(hasCredentials ? { auth } : {}),
    requireTLS: !isSecure && hasCredentials && !isLoopback(url.hostname),
    ignoreTLS: isLoopback(url.hostname),
    dnsTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // Nothing in a message may make nodemailer read a file or fetch a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function mailOf({ id, headline, advice, details, link }: AlertMessage, from: string) {
  const lines = [`${headline}.`, advice, ...(details.length > 0 ? ["", ...details] : []), ...(link ? ["", link] : [])];
  return {
    subject: headline,
    text: `${lines.join("\n")}\n`,
    messageId: `<payouts-alert-${id}@${from.slice(from.lastIndexOf("@") + 1)}>`,
    // Suppresses out-of-office replies (RFC 3834).
    headers: { "Auto-Submitted": "auto-generated" },
  };
}
