import { InputError } from "./errors.ts";

/** An amount in US cents. The only currency of this system is USD, see {@link CURRENCY}. */
export type Cents = bigint;

export const CURRENCY = "USD";

/**
 * The most that a balance, or one entry of the ledger, may be on either side of zero: ten trillion dollars. The tables
 * enforce it. Far above any real amount; a balance and an entry together still fit PostgreSQL's bigint.
 */
export const CEILING_CENTS: Cents = 10n ** 15n;

/** Fifteen digits of dollars: far above any real balance, and with two decimals still inside PostgreSQL's bigint. */
const MAX_DOLLAR_DIGITS = 15;

const AMOUNT = /^(\d+)(?:\.(\d{1,2}))?$/;

/**
 * Reads an amount in dollars with at most two decimals, such as `100`, `0.5` or `1234.56`.
 *
 * @returns the amount in cents, never negative
 * @throws InputError that names what is wrong: a sign, an exponent, a currency sign, a third decimal, too many digits
 */
export function parseCents(text: string): Cents {
  const match = AMOUNT.exec(text);
  if (!match) throw new InputError(`"${abbreviate(text)}" is not an amount: ${whyNotAnAmount(text)}`);
  const [, dollars = "", decimals = ""] = match;
  if (dollars.length > MAX_DOLLAR_DIGITS)
    throw new InputError(`"${abbreviate(text)}" is not an amount: more than ${MAX_DOLLAR_DIGITS} digits`);
  return BigInt(dollars) * 100n + BigInt(decimals.padEnd(2, "0"));
}

function whyNotAnAmount(text: string): string {
  if (text === "") return "it is empty (write 0 for nothing)";
  if (/^-/.test(text)) return "it is negative";
  if (/^\d+\.\d{3,}$/.test(text)) return "it has more than two decimals";
  if (/e/i.test(text) && /^[\d.]+e[+-]?\d+$/i.test(text)) return "exponents are not allowed";
  if (/[$€£¥]|usd/i.test(text)) return "leave the currency out";
  if (/^\d{1,3}(,\d{3})+(\.\d+)?$/.test(text)) return "leave the thousands separators out";
  return "write dollars with at most two decimals, such as 123.45";
}

/** Shortens a text that a message quotes: one line, at most `maxLength` characters, then `…`. */
export function abbreviate(text: string, maxLength = 40): string {
  const oneLine = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return oneLine.length <= maxLength ? oneLine : `${oneLine.slice(0, maxLength)}…`;
}

/** Writes cents as a decimal string with two decimals: `12345n` gives `"123.45"`, `-5n` gives `"-0.05"`. */
export function formatCents(cents: Cents): string {
  const sign = cents < 0n ? "-" : "";
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Formats cents for people: `123456n` gives `$1,234.56`, `-5n` gives `-$0.05`. Programs get {@link formatCents}. */
export function dollars(cents: bigint): string {
  const [whole = "0", decimals = "00"] = formatCents(cents < 0n ? -cents : cents).split(".");
  return `${cents < 0n ? "-" : ""}$${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${decimals}`;
}
