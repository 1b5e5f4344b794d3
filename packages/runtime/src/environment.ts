/** The common parts of the apps' `env.ts`: kinds of variables and the reporting of problems. */
import { InputError, parseWholeNumber } from "@cpa-payouts/core";
import { z } from "zod";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that are set. An empty value counts as unset: docker compose passes unset variables as empty. */
export function givenIn(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
}

/** The problems that zod found, each as `VARIABLE: problem`; empty when there are none. */
export function problemsIn(parsed: z.ZodSafeParseResult<unknown>): string[] {
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

/** The error for a wrong configuration; it names every problem at once. */
export function wrongConfiguration(problems: readonly string[]): InputError {
  return new InputError(`the configuration is wrong: ${problems.join("; ")}`, problems);
}

/** A variable that holds a whole number from `from` to `to`. */
export function wholeNumber(from: number, to: number) {
  return z.string().transform((text, issue): number => {
    const number = parseWholeNumber(text, from, to);
    if (number !== null) return number;
    issue.addIssue(`write a whole number from ${from} to ${to}`);
    return z.NEVER;
  });
}

/**
 * A variable that holds a URL with one of the given protocols.
 *
 * @param protocols with their colons, such as `https:`
 * @param example a valid URL for the error message
 */
export function urlOf(protocols: readonly string[], example: string) {
  return z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `write a URL such as ${example}`,
  });
}

/** The URL at which people reach the API, reduced to scheme, host and port. */
export const publicUrl = urlOf(["http:", "https:"], "https://payouts.example.com").transform(
  (text) => new URL(text).origin,
);

/** Texts separated by commas, trimmed; empty ones are left out. */
export const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);
