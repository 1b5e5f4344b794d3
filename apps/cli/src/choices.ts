import { InputError } from "@cpa-payouts/core";

/** The accepted values of an option for its help text: `a, b or c`. */
export function listChoices(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}

/**
 * Reads the value of an option that accepts certain values only.
 *
 * @returns undefined when the option was not given
 * @throws InputError for another value
 */
export function readChoice<T extends string>(flag: string, text: string | undefined, choices: readonly T[]) {
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (!choice) throw new InputError(`${flag}: "${text}" is not one of ${choices.join(", ")}`);
  return choice;
}
