import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { InputError } from "@cpa-payouts/core";
import { type ImportResult, importUsers } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";

/**
 * `payouts import`: adds or updates users from a CSV file (docs/cli.md, "Import file"), all rows or none. Every bad row is
 * reported on stderr by line.
 *
 * @throws InputError when the file cannot be read, or has bad rows and `--skip-bad` is not given
 */
export async function importFile(
  cli: Cli,
  file: string,
  { skipBad = false, overrideStatus = false }: { skipBad?: boolean; overrideStatus?: boolean },
): Promise<undefined> {
  const totalBytes = await sizeOf(file);
  await withDatabase(cli, async (ctx) => {
    const source = createReadStream(file);
    const result = await importUsers(ctx, {
      source,
      skipBad,
      overrideStatus,
      actor: cli.actor,
      onProblem: ({ line, message }) => {
        cli.progress.stop();
        cli.say(`${file}: line ${line}: ${message}`);
      },
      onProgress: ({ rows, merging }) =>
        merging
          ? cli.progress.show("writing users", rows, rows)
          : cli.progress.show("reading bytes", source.bytesRead, totalBytes),
    }).finally(() => {
      cli.progress.stop();
      source.destroy();
    });
    await cli.output.object(result, () => linesOf(result));
  });
}

function linesOf(result: ImportResult): string[] {
  const { rows, created, updated, unchanged, badRows } = result;
  const { differingBalances, changedAddresses, keptStatuses, overriddenStatuses } = result;
  return [
    `Imported ${rows - badRows} of ${rows} rows: ${created} users added, ${updated} updated, ${unchanged} unchanged`,
    ...(changedAddresses > 0 ? [`${changedAddresses} changed their Binance e-mail; the new one awaits approval`] : []),
    ...(differingBalances > 0
      ? [
          `${differingBalances} known users have another balance in the file; their stored balance was kept ("payouts credit" adds money)`,
        ]
      : []),
    ...(badRows > 0 ? [`${badRows} bad rows were left out`] : []),
    ...(keptStatuses > 0
      ? [
          `${keptStatuses} users have another status in the file than an administrator gave them; theirs was kept (--override-status applies the file's)`,
        ]
      : []),
    ...(overriddenStatuses > 0
      ? [`${overriddenStatuses} statuses that an administrator had set were replaced by the file's`]
      : []),
  ];
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(
      `${file} cannot be read: ${cause.code === "ENOENT" ? "there is no such file" : cause.message}`,
    );
  });
  if (found.isDirectory()) throw new InputError(`${file} is a folder, not a CSV file`);
  return found.size;
}
