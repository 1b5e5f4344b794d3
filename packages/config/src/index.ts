/** What the apps' `env.ts` have in common: kinds of variables, and how problems are told. */
import { InputError } from "@cpa-payouts/core";
import { z } from "zod";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that are set; an empty value counts as unset, which is how docker compose hands on what is not set. */
export function givenIn(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
}

/** What zod found wrong, a line per variable and problem; none when all is well. */
export function problemsIn(parsed: z.ZodSafeParseResult<unknown>): string[] {
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

/** The refusal of a configuration, with every problem at once. */
export function wrongConfiguration(problems: readonly string[]): InputError {
  return new InputError(`the configuration is wrong: ${problems.join("; ")}`, problems);
}

export function wholeNumber(from: number, to: number) {
  const message = `write a whole number from ${from} to ${to}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(from, message).max(to, message));
}

/** @param protocols with their colons, such as `https:` */
export function urlOf(protocols: readonly string[], example: string) {
  return z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `write a URL such as ${example}`,
  });
}

/** Where people reach the API: scheme, host and port, whatever path was written behind them. */
export const publicUrl = urlOf(["http:", "https:"], "https://payouts.example.com").transform(
  (text) => new URL(text).origin,
);

/** Texts separated by commas. */
export const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);
