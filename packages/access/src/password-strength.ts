import { InputError } from "@cpa-payouts/core";
import { sameForAllKeyboards } from "./passwords.ts";

/** Fewer guesses than this, as a power of ten, and a password is refused. */
const LEAST_GUESSES_LOG10 = 8.5;

/** The length that is looked at. The estimate holds up other requests, and its time grows faster than the length. */
const LOOKED_AT = 40;

const PRODUCT_WORDS = ["payouts", "cpa"];

/**
 * Refuses a password that a person who knows the administrator's e-mail, and the passwords that many people use, would soon
 * find. It must also be hard to guess without the words of the e-mail: names with a year and some dots between them look long.
 *
 * @throws InputError that says what to do instead
 */
export async function refuseWeakPassword(password: string, email: string): Promise<void> {
  const { estimateGuesses } = await import("./password-guesses.ts");
  const words = [...partsOf(email), ...PRODUCT_WORDS];
  const known = [...words, email, ...joined(email), "cpa payouts"];
  const whole = sameForAllKeyboards(password).slice(0, LOOKED_AT);
  for (const looked of [whole, whole.replace(new RegExp(words.join("|"), "giu"), "")])
    if (estimateGuesses(looked, known) < LEAST_GUESSES_LOG10)
      throw new InputError(
        "this password is easy to guess: it is a common one, a pattern, or made from your e-mail; take several words that do not belong together",
      );
}

/** The words of an e-mail. Shorter ones would be found in every password. */
function partsOf(email: string): string[] {
  return email.split(/\P{L}+/u).filter((part) => part.length > 2);
}

/** The words before the @ as one word, in both orders. */
function joined(email: string): string[] {
  const [local = ""] = email.split("@");
  const parts = local.split(/\P{L}+/u);
  return [parts.join(""), parts.toReversed().join("")].filter((word) => word.length > 2);
}
