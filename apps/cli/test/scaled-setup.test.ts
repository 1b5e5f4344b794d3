import { readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { findRun } from "@cpa-payouts/db";
import { importNetwork, slowDownInvoices, testDatabase } from "@cpa-payouts/db/testing";
import { openTestFlow } from "@cpa-payouts/pipeline/testing";
import { bundlePayouts, eventually, repositoryRoot, startPayouts } from "@cpa-payouts/testing-servers";
import { describe, expect, inject, it } from "vitest";
import { parse } from "yaml";

const USERS = 2_000;

interface Service {
  readonly command: string;
  readonly environment: Readonly<Record<string, string | null>>;
}

/**
 * Goal: the services of docker-compose.yml work. No container engine is needed: the bundle of the image is built and
 * run with the commands and the environment of the file; only the addresses are those of the test's servers.
 */
describe.skipIf(inject("redisUrl") === null)("scaled set-up of docker-compose.yml", () => {
  it("workers refuse a database without migrations, and share the work once it is migrated", async () => {
    const bundle = await bundlePayouts();
    const database = await testDatabase({ empty: true });
    const { migrate, worker } = await readServices();
    const addresses = { DATABASE_URL: database.url, REDIS_URL: inject("redisUrl") ?? "" };
    const heartbeat = path.join(tmpdir(), `payouts-alive-${process.pid}`);
    const environment = (service: Service, more: Record<string, string>) => ({
      ...definedOf(service),
      ...addresses,
      ...more,
    });

    const early = startPayouts([worker.command], environment(worker, {}), [bundle.file]);
    expect(await early.ended()).toBe(1);
    expect(early.stderr()).toMatch(/^error: the database lacks \d+ of \d+ migrations: run "payouts migrate" first\n$/m);

    const migration = startPayouts([migrate.command], environment(migrate, {}), [bundle.file]);
    expect(await migration.ended()).toBe(0);

    const more = {
      QUEUE_PREFIX: `scaled-${process.pid}`,
      NODE_ENV: "production",
      HEALTH_FILE: heartbeat,
      WORKER_CONCURRENCY: "50",
    };
    const workers = [1, 2].map(() => startPayouts([worker.command], environment(worker, more), [bundle.file]));
    await Promise.all(workers.map((one) => one.untilSays("worker.started")));
    await eventually(() => stat(heartbeat).catch(() => null));

    const flow = await openTestFlow({ kind: "redis", now: "2026-12-07T09:00:00Z" });
    await flow.close();
    await importNetwork(
      { ...flow.ctx, db: database.db },
      Array.from({ length: USERS }, (_, index) => ({ externalId: `u${index}` })),
    );
    // One worker could otherwise have done all the work before the other had a share.
    const endSlowness = await slowDownInvoices(database, USERS);
    const date = "2026-11-16";
    const run = startPayouts(["run", "--date", date, "--json"], environment(worker, more), [bundle.file]);
    await Promise.all(workers.map((one) => one.untilSays('"event":"invoices.created"')));
    await endSlowness();
    expect(await run.ended()).toBe(0);
    expect(JSON.parse(run.stdout())).toMatchObject({ state: "completed", invoiced: USERS, failed: 0 });
    expect(await findRun(database.db, date)).toMatchObject({ state: "completed" });
    expect(await Promise.all(workers.map((one) => one.stop("SIGTERM")))).toEqual([0, 0]);
    await database.close();
    await rm(heartbeat);
    await bundle.remove();
  });
});

async function readServices(): Promise<{ migrate: Service; worker: Service }> {
  const text = await readFile(path.join(repositoryRoot, "docker-compose.yml"), "utf8");
  return parse(text, { merge: true }).services;
}

/** Compose passes variables without a value from its own environment; here they are unset. */
function definedOf({ environment }: Service): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}
