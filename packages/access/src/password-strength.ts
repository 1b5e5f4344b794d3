import { InputError } from "@cpa-payouts/core";

/** Fewer guesses than this, as a power of ten, and a password is refused. */
const LEAST_GUESSES_LOG10 = 8.5;

/** The length that is looked at. The estimate holds up other requests, and its time grows faster than the length. */
const LOOKED_AT = 40;

const PRODUCT_WORDS = ["cpa payouts", "payouts", "cpa"];

/**
 * Refuses a password that a person who knows the administrator's e-mail, and the passwords that many people use, would soon
 * find.
 *
 * @throws InputError that says what to do instead
 */
export async function refuseWeakPassword(password: string, email: string): Promise<void> {
  const estimate = await openEstimate();
  const { guessesLog10 } = estimate(password.slice(0, LOOKED_AT), [...wordsOf(email), ...PRODUCT_WORDS]);
  if (guessesLog10 < LEAST_GUESSES_LOG10)
    throw new InputError(
      "this password is easy to guess: it is a common one, a pattern, or made from your e-mail; take several words that do not belong together",
    );
}

function wordsOf(email: string): string[] {
  return [email, ...email.split(/[@.+_-]/)].filter((word) => word.length > 2);
}

/** Loads the list of common passwords (half a megabyte), which only a change of a password needs. */
async function openEstimate() {
  const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs }] = await Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
  ]);
  const zxcvbn = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  return (password: string, words: string[]) => zxcvbn.check(password, words);
}
