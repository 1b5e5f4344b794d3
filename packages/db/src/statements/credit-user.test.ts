import { CEILING_CENTS } from "@cpa-payouts/core";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../client.ts";
import { findViolations } from "../reads/invariants.ts";
import { addAdmin, addApiToken, audit } from "../testing/access.ts";
import { fingerprint, openTestData, type TestData } from "../testing/index.ts";
import { creditUser } from "./credit-user.ts";
import type { Credit } from "./enter-once.ts";
import { insertApiToken } from "./insert-api-token.ts";
import { updateSettings } from "./update-settings.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ users: [{ externalId: "a", balance: "1.00" }, { externalId: "b" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const conversion = (changes: Partial<Credit> = {}): Credit => ({
  externalId: "a",
  amountCents: 25_00n,
  key: "conversion-1",
  keyOwner: "cli",
  note: "lead",
  actor: "test",
  now: NOW,
  ...changes,
});

const credit = (changes: Partial<Credit> = {}) => creditUser(data.ctx.db, conversion(changes));

describe("credit", () => {
  it("a credit is added to the balance, with its ledger entry and audit row", async () => {
    expect(await credit()).toEqual({ status: "credited", balanceCents: 26_00n });
    const entries = await data.database
      .sql`select kind, amount_cents, idempotency_key, note, actor, created_at from ledger_entries order by id desc limit 1`;
    expect([...entries]).toEqual([
      {
        kind: "credit",
        amount_cents: 25_00n,
        idempotency_key: "conversion-1",
        note: "lead",
        actor: "test",
        created_at: NOW,
      },
    ]);
    const audit = await data.database
      .sql`select actor, reason, before, after from audit_log where action = 'user.credit'`;
    expect([...audit]).toEqual([
      {
        actor: "test",
        reason: "lead",
        before: { balanceCents: "100" },
        after: { balanceCents: "2600", key: "conversion-1" },
      },
    ]);
  });

  it("a credit repeated with its key is answered as already credited and changes nothing", async () => {
    await credit();
    const before = await fingerprint(data.database);
    expect(await credit()).toEqual({ status: "already-credited", balanceCents: 26_00n });
    // Note and actor may differ: a key identifies user, amount and kind.
    expect(await credit({ note: null, actor: "somebody else" })).toMatchObject({ status: "already-credited" });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a key is its owner's: of two owners each credits with it once, and neither hinders the other", async () => {
    const owners = ["token:1", "token:11", "admin:1", "cli"] as const;
    for (const [index, keyOwner] of owners.entries())
      expect(await credit({ keyOwner, amountCents: BigInt(index + 1) })).toMatchObject({ status: "credited" });
    for (const [index, keyOwner] of owners.entries()) {
      expect(await credit({ keyOwner, amountCents: BigInt(index + 1) })).toEqual({
        status: "already-credited",
        balanceCents: 1_10n,
      });
      expect(await credit({ keyOwner, amountCents: 99n })).toEqual({ status: "key-conflict" });
    }
  });

  it.each([
    ["another amount", { amountCents: 25_01n }],
    ["another user", { externalId: "b" }],
    ["another user and amount", { externalId: "b", amountCents: 1n }],
  ])("a credit whose key was used for %s is refused and changes nothing", async (_what, changes) => {
    await credit();
    const before = await fingerprint(data.database);
    expect(await credit(changes)).toEqual({ status: "key-conflict" });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a credit for an unknown user is refused and leaves the key free", async () => {
    expect(await credit({ externalId: "unknown" })).toEqual({ status: "unknown-user" });
    expect(await credit()).toMatchObject({ status: "credited" });
    expect(await credit({ externalId: "unknown" })).toEqual({ status: "unknown-user" });
  });

  it("a credit is exact to the cent up to the ceiling", async () => {
    const limits = { largestEntryCents: CEILING_CENTS, largestBalanceCents: CEILING_CENTS };
    await updateSettings(data.ctx.db, { actor: "test", ...limits, now: NOW });
    const huge = CEILING_CENTS - 1_01n;
    expect(await credit({ amountCents: huge })).toEqual({ status: "credited", balanceCents: CEILING_CENTS - 1n });
  });

  it("a credit of the largest number that PostgreSQL can read is refused and changes nothing", async () => {
    const before = await fingerprint(data.database);
    expect(await credit({ amountCents: 2n ** 63n - 1n })).toMatchObject({ status: "above-limit" });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("simultaneous credits with one key are one credit, and the others are answered as already credited", async () => {
    const many = connect({ url: data.database.url, max: 20 });
    const results = await Promise.all(Array.from({ length: 20 }, () => creditUser(many.db, conversion())));
    await many.close();
    const statuses = results.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array.from({ length: 19 }, () => "already-credited"), "credited"]);
    expect(results.every((result) => "balanceCents" in result && result.balanceCents === 26_00n)).toBe(true);
  });

  it("simultaneous credits with one key for different users are one credit, even if both wait for the key", async () => {
    const many = connect({ url: data.database.url, max: 20 });
    const holder = await holdTransaction(
      data.database,
      (held) => held`select from users where external_id in ('a', 'b') for update`,
    );
    const credits = ["a", "b"].map((externalId) => creditUser(many.db, conversion({ externalId })));
    await untilBlocked(data.database, 2);
    await holder.rollback();
    const statuses = (await Promise.all(credits)).map(({ status }) => status).sort();
    await many.close();
    expect(statuses).toEqual(["credited", "key-conflict"]);
  });

  it("simultaneous credits of one user with a key each are all added", async () => {
    const many = connect({ url: data.database.url, max: 20 });
    const credits = Array.from({ length: 200 }, (_, index) =>
      creditUser(many.db, conversion({ key: `k${index}`, amountCents: BigInt(index + 1) })),
    );
    const results = await Promise.all(credits);
    await many.close();
    expect(results.filter(({ status }) => status === "credited")).toHaveLength(200);
    const [user] = await data.database.sql`select balance_cents from users where external_id = 'a'`;
    expect(user).toEqual({ balance_cents: 100n + (200n * 201n) / 2n });
  });
});

describe("a key of an older version, whose entry has no owner", () => {
  /** Makes the entry of `conversion()` with the actor, as a version did in which keys were common to all. */
  async function creditAsBefore(actor: string): Promise<void> {
    const { sql } = data.database;
    await sql`alter table ledger_entries drop constraint ledger_entries_key_has_owner`;
    await sql`
      with entry as (
        insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, note, actor, created_at)
        select id, 'credit', 2500, 'conversion-1', 'lead', ${actor}, ${NOW} from users where external_id = 'a'
      ), audit as (
        insert into audit_log (at, actor, action, object) select ${NOW}, ${actor}, 'user.credit', 'user:' || id from users where external_id = 'a'
      )
      update users set balance_cents = balance_cents + 2500 where external_id = 'a'`;
  }

  beforeEach(async () => {
    await addApiToken(data, "erp", "h1");
    await addApiToken(data, "other", "h2");
    await insertApiToken(data.ctx.db, {
      ...audit,
      name: "new",
      tokenHash: "h3",
      scopes: ["x"],
      replacesId: 1,
      expiresAt: NOW,
    });
    await addAdmin(data, "ada@example.com");
  });

  it.each([
    ["a token", "token:erp", "token:1", ["token:2", "admin:1", "cli"]],
    ["a token that replaced another one", "token:new", "token:1", ["token:2", "token:3", "admin:1", "cli"]],
    ["an administrator", "ada@example.com", "admin:1", ["token:1", "admin:2", "cli"]],
    ["the command line", "cli:ops", "cli", ["token:1", "admin:1"]],
    ["somebody named by hand", "finance", "cli", ["token:1", "admin:1"]],
  ] as const)("of %s is still that caller's, and reserved for it", async (_who, actor, owner, strangers) => {
    await creditAsBefore(actor);
    const before = await fingerprint(data.database);
    expect(await credit({ keyOwner: owner })).toEqual({ status: "already-credited", balanceCents: 26_00n });
    expect(await credit({ keyOwner: owner, amountCents: 1n })).toEqual({ status: "key-conflict" });
    for (const keyOwner of strangers) {
      expect(await credit({ keyOwner })).toEqual({ status: "key-reserved" });
      expect(await credit({ keyOwner, amountCents: 1n, externalId: "b" })).toEqual({ status: "key-reserved" });
    }
    expect(await fingerprint(data.database)).toEqual(before);
  });
});
