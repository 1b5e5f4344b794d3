import { type DataContext, repairTallies, verify } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";

/**
 * `payouts verify`: checks every invariant and prints what violates it.
 *
 * @param options.repairTallies recount the tallies first, and say which differed
 * @returns `failed` when an invariant is violated
 */
export async function verifyData(cli: Cli, options: { repairTallies?: boolean }): Promise<ExitCode> {
  return withDatabase(cli, async (ctx) => {
    if (options.repairTallies) await sayRepairs(cli, ctx);
    let checked = 0;
    const violations = await verify(ctx, cli.config.policy, (invariant) => {
      checked += 1;
      cli.log.debug({ invariant }, "invariant.checked");
    });
    const columns = [{ key: "invariant" }, { key: "subject" }, { key: "detail" }] as const;
    if (violations.length > 0 || cli.output.format !== "table")
      await cli.output.list(
        columns,
        violations.map((violation) => ({ ...violation })),
      );
    cli.say(
      violations.length === 0
        ? `${checked} invariants checked, all hold`
        : `${checked} invariants checked, ${violations.length} offenders found`,
    );
    return violations.length === 0 ? exitCodes.done : exitCodes.failed;
  });
}

async function sayRepairs(cli: Cli, ctx: DataContext): Promise<void> {
  const differences = await repairTallies(ctx, { actor: cli.actor });
  for (const { subject, detail } of differences) cli.say(`tally of ${subject}: ${detail}; corrected`);
  cli.say(differences.length === 0 ? "all tallies were right" : `${differences.length} tallies corrected`);
}
