import { setTimeout as sleep } from "node:timers/promises";
import { connect, listUsers } from "@cpa-payouts/db";
import { testDatabase } from "@cpa-payouts/db/testing";
import { openSql, watched } from "@cpa-payouts/testing-servers";
import { expect, inject, it } from "vitest";
import { randomNumbers } from "./network.ts";

const CALLERS = 20;
const DROPS_PER_OUTAGE = 3;
/** How long connections live between two drops; the moment within the range is chosen at random. */
const CALM_MS = { least: 100, range: 100 };
const REFUSAL_MS = 300;

const { outages, seed } = inject("faultOptions");

/** Goal: a lost connection makes the call fail; it never makes the call hang. */
it("every statement is settled however often the server drops and refuses connections, and later ones work", async () => {
  const database = await testDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const admin = openSql(inject("postgresUrl"), 1);
  const connection = connect({ url: database.url, max: 4, applicationName: "victim" });
  const kill = () => admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`;
  const allow = (allowed: boolean) => admin.unsafe(`alter database ${name} allow_connections ${allowed}`);
  const call = () => listUsers(connection.db, { search: "x".repeat(100) }, { sort: "oldest", limit: 1 });
  const random = randomNumbers(seed);

  let settled = 0;
  let lost = 0;
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!isOver) {
      try {
        await call();
      } catch {
        lost += 1;
        await sleep(5);
      }
      settled += 1;
    }
  });
  const progress = () => ({ settled, lost, isOver });
  await watched("twenty callers of a server that drops connections", progress, async () => {
    for (let outage = 0; outage < outages; outage += 1) {
      for (let drop = 0; drop < DROPS_PER_OUTAGE; drop += 1) {
        await sleep(CALM_MS.least + random(CALM_MS.range));
        await kill();
      }
      await allow(false);
      await kill();
      await sleep(REFUSAL_MS);
      await allow(true);
      const before = settled - lost;
      while (settled - lost === before) await sleep(5);
    }
    isOver = true;
    await Promise.all(callers);
  });
  expect(lost).toBeGreaterThan(outages);
  await Promise.all(Array.from({ length: 100 }, call));
  await Promise.all([connection.close(), admin.end()]);
  await database.close();
});
