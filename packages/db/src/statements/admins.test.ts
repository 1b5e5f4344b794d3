import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findAdmin, listAdmins } from "../reads/admins.ts";
import { listApiTokens } from "../reads/api-tokens.ts";
import { listAuditLog } from "../reads/audit-log.ts";
import { getSettings } from "../reads/settings.ts";
import { fingerprint, openTestData, type TestData } from "../testing/index.ts";
import { insertAdmin } from "./insert-admin.ts";
import { insertApiToken } from "./insert-api-token.ts";
import { markApiTokenRevoked } from "./mark-api-token-revoked.ts";
import { countTry, forgetTries } from "./throttles.ts";
import { touchApiToken } from "./touch-api-token.ts";
import { updateAdmin } from "./update-admin.ts";
import { updateSettings } from "./update-settings.ts";

const NOW = new Date("2026-12-07T12:00:00Z");
const after = (ms: number) => new Date(NOW.getTime() + ms);
const audit = { actor: "root", requestId: "r-1", clientAddress: "192.0.2.1", now: NOW };

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

const add = (email: string, role: "viewer" | "operator" | "admin" = "admin") =>
  insertAdmin(data.ctx.db, { ...audit, email, role, passwordHash: "hash" });

describe("administrators", () => {
  it("an e-mail has at most one administrator, ignoring case", async () => {
    expect(await add("Alice@example.com")).toBe(true);
    expect(await add("alice@EXAMPLE.com", "viewer")).toBe(false);
    expect(await listAdmins(data.ctx.db)).toMatchObject([{ email: "alice@example.com", role: "admin" }]);
    expect(await findAdmin(data.ctx.db, "ALICE@example.com")).toMatchObject({ email: "alice@example.com" });
  });

  it("the creation of an administrator is in the audit log, with actor, request and client address", async () => {
    await add("alice@example.com");
    expect(await listAuditLog(data.ctx.db, { object: "admin:alice@example.com" }, { limit: 10 })).toEqual([
      expect.objectContaining({
        actor: "root",
        action: "admin.create",
        after: { role: "admin" },
        requestId: "r-1",
        clientAddress: "192.0.2.1",
      }),
    ]);
  });

  it("the last enabled administrator of role admin can be neither demoted nor disabled", async () => {
    await add("alice@example.com");
    await add("viewer@example.com", "viewer");
    const change = (email: string, how: object) => updateAdmin(data.ctx.db, { ...audit, email, ...how });
    expect(await change("alice@example.com", { role: "operator" })).toBe("last-admin");
    expect(await change("alice@example.com", { isDisabled: true })).toBe("last-admin");
    expect(await change("viewer@example.com", { isDisabled: true })).toBe("changed");
    expect(await change("nobody@example.com", { isDisabled: true })).toBe("unknown-admin");
    await add("bob@example.com");
    expect(await change("alice@example.com", { isDisabled: true })).toBe("changed");
    expect(await change("bob@example.com", { role: "viewer" })).toBe("last-admin");
  });

  it("of two administrators who demote each other at the same moment one keeps the role", async () => {
    for (let round = 0; round < 10; round++) {
      const [alice, bob] = [`alice${round}@example.com`, `bob${round}@example.com`];
      await data.database.sql`update admins set disabled_at = now()`;
      await add(alice);
      await add(bob);
      const demote = (email: string) => updateAdmin(data.ctx.db, { ...audit, email, role: "viewer" });
      expect((await Promise.all([demote(alice), demote(bob)])).sort()).toEqual(["changed", "last-admin"]);
    }
  });

  it("administrators cannot be deleted, because the audit log names them", async () => {
    await add("alice@example.com");
    await expect(data.database.sql`delete from admins`).rejects.toThrow("admins keeps its rows");
  });
});

describe("API token", () => {
  const create = (name: string, tokenHash: string) =>
    insertApiToken(data.ctx.db, { ...audit, name, tokenHash, scopes: ["credits:write"], expiresAt: after(1_000) });

  it("a token is found until it expires or is revoked", async () => {
    expect(await create("erp", "h1")).toBe(true);
    expect(await create("erp", "h2")).toBe(false);
    expect(await touchApiToken(data.ctx.db, "h1", NOW)).toEqual({ name: "erp", scopes: ["credits:write"] });
    expect(await touchApiToken(data.ctx.db, "h2", NOW)).toBeNull();
    expect(await touchApiToken(data.ctx.db, "h1", after(1_000))).toBeNull();
    expect(await markApiTokenRevoked(data.ctx.db, { ...audit, name: "erp" })).toBe(true);
    expect(await markApiTokenRevoked(data.ctx.db, { ...audit, name: "erp" })).toBe(false);
    expect(await touchApiToken(data.ctx.db, "h1", NOW)).toBeNull();
  });

  it("the last use of a token is recorded at most once a minute", async () => {
    await create("erp", "h1");
    const lastUse = async () => (await listApiTokens(data.ctx.db))[0]?.lastUsedAt;
    expect(await lastUse()).toBeNull();
    await touchApiToken(data.ctx.db, "h1", NOW);
    await touchApiToken(data.ctx.db, "h1", after(500));
    expect(await lastUse()).toEqual(NOW);
  });
});

describe("settings", () => {
  it("settings that are not given are kept, and null switches the two-person rule off", async () => {
    const { db } = data.ctx;
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: null, coolingOffDays: 0, reviewAlertDays: 3 });
    await updateSettings(db, { ...audit, twoPersonAboveCents: 1_000_00n, coolingOffDays: 5 });
    await updateSettings(db, { ...audit, reviewAlertDays: 9 });
    expect(await getSettings(db)).toMatchObject({
      twoPersonAboveCents: 1_000_00n,
      coolingOffDays: 5,
      reviewAlertDays: 9,
    });
    await updateSettings(db, { ...audit, twoPersonAboveCents: null });
    expect(await getSettings(db)).toMatchObject({ twoPersonAboveCents: null, coolingOffDays: 5 });
    const [last] = await listAuditLog(db, { action: "settings.change" }, { limit: 1 });
    expect(last).toMatchObject({
      before: { twoPersonAboveCents: "100000", coolingOffDays: 5, reviewAlertDays: 9 },
      after: { twoPersonAboveCents: null, coolingOffDays: 5, reviewAlertDays: 9 },
    });
  });

  it("a setting out of range is refused, and nothing changes", async () => {
    const before = await fingerprint(data.database);
    await expect(updateSettings(data.ctx.db, { ...audit, coolingOffDays: 366 })).rejects.toThrow();
    expect(await fingerprint(data.database)).toEqual(before);
  });
});

describe("throttle", () => {
  const tryNow = (now: Date, key = "k") => countTry(data.ctx.db, { key, windowMs: 60_000, now });

  it("attempts are counted per key within a window, and from 1 again after it", async () => {
    expect(await tryNow(NOW)).toEqual({ tries: 1, windowEndsAt: after(60_000) });
    expect(await tryNow(after(59_999))).toEqual({ tries: 2, windowEndsAt: after(60_000) });
    expect(await tryNow(after(59_999), "other")).toMatchObject({ tries: 1 });
    expect(await tryNow(after(60_000))).toEqual({ tries: 1, windowEndsAt: after(120_000) });
  });

  it("attempts at the same moment are all counted", async () => {
    const tries = await Promise.all(Array.from({ length: 40 }, () => tryNow(NOW)));
    expect(tries.map((one) => one.tries).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it("deleting the attempts of a key also deletes the windows that have ended", async () => {
    await tryNow(NOW, "old");
    await tryNow(after(61_000), "new");
    await tryNow(after(61_000), "mine");
    await forgetTries(data.ctx.db, "mine", after(62_000));
    const rows = await data.database.sql`select key from throttles`;
    expect(rows.map(({ key }) => key)).toEqual(["new"]);
  });
});

describe("audit log", () => {
  it("the audit log is paged newest first with every filter, also among rows of one instant", async () => {
    const { sql } = data.database;
    await sql`
      insert into audit_log (at, actor, action, object)
      select '2026-12-01'::timestamptz + make_interval(days => n / 3), case when n % 2 = 0 then 'system' else 'alice' end,
        case when n % 4 = 0 then 'invoice.create' else 'run.open' end, 'run:' || n % 3
      from generate_series(0, 29) n`;
    const rows = [...(await sql`select id::int, at, actor, action, object from audit_log order by at desc, id desc`)];
    const filters = [
      [{}, () => true],
      [{ actor: "alice" }, ({ actor }) => actor === "alice"],
      [{ actor: "system" }, ({ actor }) => actor === "system"],
      [{ action: "run.open" }, ({ action }) => action === "run.open"],
      [{ action: "invoice.create" }, ({ action }) => action === "invoice.create"],
      [{ object: "run:1" }, ({ object }) => object === "run:1"],
      [
        { from: new Date("2026-12-04"), to: new Date("2026-12-06") },
        ({ at }) => at >= new Date("2026-12-04") && at < new Date("2026-12-06"),
      ],
      [
        { actor: "alice", action: "run.open", object: "run:2" },
        (row) => row.actor === "alice" && row.action === "run.open" && row.object === "run:2",
      ],
    ] as [
      Parameters<typeof listAuditLog>[1],
      (row: { actor: string; action: string; object: string; at: Date }) => boolean,
    ][];
    for (const [filter, keeps] of filters) {
      const found = [];
      for (;;) {
        const last = found.at(-1);
        const page = await listAuditLog(data.ctx.db, filter, { limit: 4, ...(last ? { after: last } : {}) });
        found.push(...page);
        if (page.length < 4) break;
      }
      expect(found.map(({ id }) => id)).toEqual(rows.filter((row) => keeps(row as never)).map(({ id }) => id));
    }
  });
});
