import { advisoryChecks, OperationError, overridableChecks, type SetupProblem } from "@cpa-payouts/core";
import type { Log } from "@cpa-payouts/pipeline";
import type { Config } from "./env.ts";

/**
 * Decides whether a process may start on servers with problems. Each tolerated problem is logged as `setup.tolerated`,
 * at every start as a reminder.
 *
 * @throws OperationError with one line per problem that is not tolerated
 */
export function acceptSetup(
  problems: readonly SetupProblem[],
  config: Pick<Config, "isProduction" | "allowUnsafe">,
  log: Pick<Log, "warn">,
): void {
  const refused: string[] = [];
  for (const problem of problems) {
    const { check, line } = problem;
    const because = toleranceOf(problem, config);
    if (because === null) refused.push(line);
    else log.warn({ check, problem: line, because }, "setup.tolerated");
  }
  if (refused.length > 0) throw new OperationError(refused);
}

/** Why a problem is tolerated, or null when it is not. */
function toleranceOf(
  { check, isCertain }: SetupProblem,
  { isProduction, allowUnsafe }: Pick<Config, "isProduction" | "allowUnsafe">,
): string | null {
  if (!isCertain) return "the server does not say";
  if (advisoryChecks.some((one) => one === check)) return "no money and no job depends on it";
  const overridable = overridableChecks.find((one) => one === check);
  if (!overridable) return null;
  if (!isProduction) return "NODE_ENV is not production";
  return allowUnsafe.includes(overridable) ? "ALLOW_UNSAFE names it" : null;
}
