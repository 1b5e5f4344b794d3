import { writeFile } from "node:fs/promises";
import { describeError, findScheduler } from "@cpa-payouts/db";
import type { Backend } from "@cpa-payouts/jobs";
import type { Context } from "@cpa-payouts/pipeline";

const INTERVAL_MS = 10_000;

/**
 * Writes a file every ten seconds while database and queue answer. A container's health check looks at the file's age,
 * so a worker that hangs or has lost a server becomes unhealthy: within two minutes by the check of docker-compose.yml.
 *
 * @param file null to write none
 * @returns a function that stops the writing
 */
export function startHeartbeat(ctx: Context, backend: Backend, file: string | null): () => void {
  if (!file) return () => {};
  const beat = () => {
    void writeHeartbeat(ctx, backend, file);
  };
  const timer = setInterval(beat, INTERVAL_MS);
  beat();
  return () => clearInterval(timer);
}

async function writeHeartbeat(ctx: Context, backend: Backend, file: string): Promise<void> {
  try {
    await findScheduler(ctx.db);
    await backend.ping();
    await writeFile(file, `${new Date().toISOString()}\n`);
  } catch (cause) {
    ctx.log.warn({ error: describeError(cause) }, "heartbeat.missed");
  }
}
