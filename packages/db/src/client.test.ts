import { setTimeout as sleep } from "node:timers/promises";
import { testDatabase } from "@cpa-payouts/testing";
import { sql } from "drizzle-orm";
import { expect, inject, it } from "vitest";
import { connect } from "./client.ts";
import { rowOf } from "./sql.ts";

const CALLERS = 20;
const OUTAGES = 12;

/** Goal: a lost connection is an error that the caller hears of, never a call that does not come back. */
it("settles every statement, however often the server drops and refuses connections, and works again", async () => {
  const database = await testDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const admin = connect({ url: inject("postgresUrl"), max: 1 });
  const connection = connect({ url: database.url, max: 4, applicationName: "victim" });
  const kill = () =>
    admin.db.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`);
  const allow = (allowed: boolean) => admin.db.execute(sql.raw(`alter database ${name} allow_connections ${allowed}`));
  const call = () => rowOf(connection.db, sql`select pg_sleep(${0.002}::float8), ${"x".repeat(500)}::text`);

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
    }
  });
  for (let outage = 0; outage < OUTAGES; outage += 1) {
    for (let drop = 0; drop < 3; drop += 1) {
      await sleep(100 + 40 * drop);
      await kill();
    }
    await allow(false);
    await kill();
    await sleep(300);
    await allow(true);
    await sleep(200);
  }
  isOver = true;
  const settled = Promise.all(callers).then(() => "settled");
  expect(await Promise.race([settled, sleep(15_000, "hung")])).toBe("settled");
  expect(lost).toBeGreaterThan(OUTAGES);
  await Promise.all(Array.from({ length: 100 }, call));
  await Promise.all([connection.close(), admin.close()]);
  await database.close();
});
