import { parseArgs } from "node:util";

/** How large the storms are, and the seed of what they choose at random. */
export interface FaultOptions {
  readonly seed: number;
  /** Users of a storm; the queue on PostgreSQL, which is for one machine, gets a share of them, see {@link usersOf}. */
  readonly users: number;
  /** Workers killed in a storm of kills. */
  readonly kills: number;
  /** Workers replaced in order in a rolling deployment. */
  readonly stops: number;
  /** Rounds of schedulers that start at the same time. */
  readonly rounds: number;
  /** Times that the database drops all connections and refuses new ones. */
  readonly outages: number;
  /** Answers that are compared, of each storm of failing statements. */
  readonly answers: number;
}

const quick = { users: 4_000, kills: 8, stops: 6, rounds: 4, outages: 4, answers: 4_000 };
const whole = { users: 20_000, kills: 40, stops: 15, rounds: 50, outages: 12, answers: 20_000 };

/** The error for a command line of the fault tests with an unknown option or a bad value. */
export class FaultUsageError extends Error {}

const LIMIT = 1_000_000;

/**
 * Reads the command line of the fault tests.
 *
 * @returns the options, with a random seed if none is given, and the other words: names of test files
 * @throws FaultUsageError that names every problem
 */
export function readFaultOptions(args: readonly string[]): { options: FaultOptions; files: readonly string[] } {
  const { values, positionals } = parse(args);
  const { quick: isQuick, ...texts } = values;
  const given = Object.entries(texts).map(([name, text]) => [name, Number(text)] as const);
  const problems = given
    .filter(([, number]) => !Number.isInteger(number) || number < 1 || number > LIMIT)
    .map(([name]) => `--${name}: write a whole number from 1 to ${LIMIT}`);
  if (problems.length > 0) throw new FaultUsageError(problems.join("; "));
  const seed = 1 + Math.floor(Math.random() * LIMIT);
  return { options: { seed, ...(isQuick ? quick : whole), ...Object.fromEntries(given) }, files: positionals };
}

function parse(args: readonly string[]) {
  const size = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: "boolean" },
        seed: size,
        users: size,
        kills: size,
        stops: size,
        rounds: size,
        outages: size,
        answers: size,
      },
    });
  } catch (cause) {
    throw new FaultUsageError((cause as Error).message);
  }
}

/** The command that plays the same storms again. */
export function replayCommand({ seed, ...sizes }: FaultOptions): string {
  const flags = Object.entries({ seed, ...sizes }).map(([name, value]) => `--${name} ${value}`);
  return `npm run test:faults -- ${flags.join(" ")}`;
}

/** The number of users for a backend: the queue on PostgreSQL does a sixth of the jobs in the same time. */
export function usersOf({ users }: Pick<FaultOptions, "users">, kind: "postgres" | "redis"): number {
  return kind === "redis" ? users : Math.ceil(users / 6);
}
