import type { KeyOwner } from "@cpa-payouts/core";
import { creditUser, findScheduler, getSettings, migrateDatabase } from "@cpa-payouts/db";
import {
  fillAsOf,
  fingerprint,
  migrateAsOf,
  migrationTags,
  type TestDatabase,
  testDatabase,
} from "@cpa-payouts/db/testing";
import { migrateQueue } from "@cpa-payouts/jobs";
import { migrationsFolder } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { credit } from "./credit.ts";
import { liveFromOf } from "./follow-schedule.ts";
import { retryRun } from "./retry-run.ts";
import { finishRun, listTestRuns, openTestFlow, type TestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";
import { verify } from "./verify.ts";

const query = async <T extends object = Record<string, unknown>>({ sql }: TestDatabase, statement: string) => [
  ...(await sql.unsafe<T[]>(statement)),
];

/** A database that a version with the first `count` migrations has filled, migrated to the present version. */
async function openUpgraded(count: number): Promise<TestFlow> {
  const database = await testDatabase({ empty: true });
  await migrateAsOf(database.url, count);
  await migrateQueue(database.url);
  await fillAsOf(database, count);
  await migrateDatabase(database.url, migrationsFolder);
  return openTestFlow({ kind: "postgres", now: "2026-10-19T02:15:00Z", database });
}

/** What PostgreSQL knows of the tables: columns, indexes, constraints and triggers, and whether they are valid. */
const tables = (database: TestDatabase) =>
  query(
    database,
    `select 'column' as part, table_name || '.' || column_name as name, concat_ws(' ', data_type, is_nullable, column_default) as detail
      from information_schema.columns where table_schema = 'public'
    union all select 'index', indexrelid::regclass::text, concat_ws(' ', indisvalid, pg_get_indexdef(indexrelid))
      from pg_index join pg_class c on c.oid = indrelid where c.relnamespace = 'public'::regnamespace
    union all select 'constraint', conname, concat_ws(' ', conrelid::regclass, convalidated, pg_get_constraintdef(oid))
      from pg_constraint where connamespace = 'public'::regnamespace
    union all select 'trigger', tgrelid::regclass || '.' || tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(oid))
      from pg_trigger where not tgisinternal
    order by 1, 2`,
  );

/** What credits, adjustments and returned invoices sum up to; runs leave it alone. */
const NOT_INVOICED = "select sum(amount_cents) as cents from ledger_entries where kind <> 'invoice'";

const tags = await migrationTags();
const versions = tags.map((tag, index) => ({ tag, count: index + 1 }));

describe.each(versions)("upgrade from a database that ended with migration $tag", ({ count }) => {
  const hasSettings = count > tags.indexOf("0003_admin_api");
  const hasPeople = tags.slice(0, count).some((tag) => tag.endsWith("_people"));
  const hasKeyOwners = tags.slice(0, count).some((tag) => tag.endsWith("_key_owners"));
  let flow: TestFlow;

  beforeAll(async () => {
    flow = await openUpgraded(count);
  });

  afterAll(async () => {
    await flow.close();
  });

  it("after the upgrade the tables are those of a new database", async () => {
    const fresh = await testDatabase();
    expect(await tables(flow.database)).toEqual(await tables(fresh));
    await fresh.close();
  });

  it("after the upgrade settings, statuses set by hand and the date of going live are kept", async () => {
    const { ctx, database } = flow;
    expect(await getSettings(ctx.db)).toMatchObject({
      twoPersonAboveCents: hasSettings ? 10000n : null,
      coolingOffDays: hasSettings ? 3 : 0,
    });
    // An import decided about user 21 after the administrator had.
    const byHand = await query(database, "select id from users where status_by_hand");
    expect(byHand).toEqual(hasSettings ? [{ id: 11n }] : []);
    // In Tokyo the system went live after the tick of September 22.
    const scheduler = await findScheduler(ctx.db);
    expect(scheduler && liveFromOf(scheduler, { pattern: "0 2 * * *", timeZone: "Asia/Tokyo" })).toBe("2026-09-22");
  });

  it("after the upgrade accounts and tokens work as before, a token belongs to its creator, and no name is that of a program", async () => {
    const { database } = flow;
    const admins = await query(
      database,
      "select email, must_change_password, empowered_at, disabled_at is not null as disabled from admins order by id",
    );
    const tokens = await query(database, "select name, creator_id::int from api_tokens order by id");
    const asBefore = { must_change_password: false, empowered_at: null };
    const ada = { email: "ada@example.com", ...asBefore, disabled: false };
    const misnamed = { email: "token:conversions@example.com", ...asBefore, disabled: true };
    expect(admins).toEqual([...(hasSettings ? [ada] : []), ...(hasSettings && !hasPeople ? [misnamed] : [])]);
    expect(tokens).toEqual(
      hasSettings
        ? [
            { name: "conversions", creator_id: 1 },
            { name: "by-hand", creator_id: null },
            ...(hasKeyOwners ? [{ name: "conversions-2", creator_id: null }] : []),
          ]
        : [],
    );
  });

  it("after the upgrade a conversion that is sent again is not credited twice, and its entry is its sender's", async () => {
    const { ctx, database } = flow;
    const send = async (keyOwner: KeyOwner, key: string, externalId: string, amountCents: bigint) =>
      (await credit(ctx, { keyOwner, key, externalId, amountCents, actor: "test" })).status;
    const before = await fingerprint(database);
    expect(await send("cli", "conversion-2", "user-2", 120_00n)).toBe("already-credited");
    expect(await send("cli", "conversion-2", "user-2", 1n)).toBe("key-conflict");
    expect(await send("token:2", "conversion-2", "user-2", 120_00n)).toBe("key-reserved");
    if (hasSettings) {
      expect(await send("token:1", "sent", "user-9", 1_00n)).toBe("already-credited");
      expect(await send("token:2", "sent", "user-9", 1_00n)).toBe("key-reserved");
      expect(await send("cli", "sent", "user-9", 1_00n)).toBe("key-reserved");
    }
    if (hasKeyOwners) expect(await send("token:1", "sent-2", "user-9", 1_00n)).toBe("already-credited");
    expect(await fingerprint(database)).toEqual(before);
  });

  it("after the upgrade every invariant holds, and a run that was interrupted and the next date pay who they must", async () => {
    const { ctx, database, clock } = flow;
    expect(await verify(ctx, ctx.policy)).toEqual([]);
    expect(await tick(ctx)).toEqual({ opened: null, resumed: 1, missed: 0 });
    expect(await retryRun(ctx, { paymentDate: "2026-10-19", actor: "test" })).toMatchObject({ retried: 3 });
    await finishRun(flow, "2026-10-19");
    expect(await verify(ctx, ctx.policy)).toEqual([]);

    clock.set("2026-11-02T02:00:00Z");
    for (let n = 1; n <= 12; n += 1)
      await creditUser(ctx.db, {
        externalId: `user-${n}`,
        amountCents: 150_00n,
        key: `later-${n}`,
        keyOwner: "cli",
        note: null,
        actor: "test",
        now: clock(),
      });
    const owed = await query(database, NOT_INVOICED);
    const due = await query(
      database,
      `select u.id from users u join payment_methods m on m.user_id = u.id and m.status = 'approved'
      where u.status = 'active' and u.balance_cents >= 10000 order by u.id`,
    );
    expect(due.length).toBeGreaterThan(0);
    expect(await tick(ctx)).toEqual({ opened: "2026-11-02", resumed: 0, missed: 0 });
    await finishRun(flow, "2026-11-02");
    const paid = await query(
      database,
      "select user_id as id from invoices where payment_date = '2026-11-02' order by user_id",
    );
    expect(paid).toEqual(due);
    expect(await verify(ctx, ctx.policy)).toEqual([]);
    expect(await query(database, NOT_INVOICED)).toEqual(owed);
    expect((await listTestRuns(flow)).at(-1)).toBe("2026-11-02 schedule completed");
  });
});
