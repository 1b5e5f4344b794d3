import { parseArgs } from "node:util";

/** A size that an option of a benchmark sets: the one without the option, and the largest one. */
export interface Size {
  readonly usual: number;
  readonly most: number;
}

/** The error for a command line of a benchmark with an unknown option or a bad size. */
export class SizeError extends Error {}

/**
 * Reads the sizes of a benchmark from its command line, `--NAME N` each.
 *
 * @param sizes by the name of the option
 * @throws SizeError that names every problem
 */
export function readSizes<N extends string>(args: readonly string[], sizes: Record<N, Size>): Record<N, number> {
  const names = Object.keys(sizes) as N[];
  const texts = parse(args, names);
  const read = names.map((name) => [name, Number(texts[name] ?? sizes[name].usual)] as const);
  const problems = read
    .filter(([name, number]) => !Number.isInteger(number) || number < 1 || number > sizes[name].most)
    .map(([name]) => `--${name}: write a whole number from 1 to ${sizes[name].most}`);
  if (problems.length > 0) throw new SizeError(problems.join("; "));
  return Object.fromEntries(read) as Record<N, number>;
}

/** {@link readSizes} of this process's command line; a bad one ends the process with one line and exit code 2. */
export function readOwnSizes<N extends string>(script: string, sizes: Record<N, Size>): Record<N, number> {
  try {
    return readSizes(process.argv.slice(2), sizes);
  } catch (cause) {
    if (!(cause instanceof SizeError)) throw cause;
    console.error(`${script}: ${cause.message}`);
    process.exit(2);
  }
}

function parse(args: readonly string[], names: readonly string[]): Partial<Record<string, string>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" } as const]));
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new SizeError((cause as Error).message);
  }
}
