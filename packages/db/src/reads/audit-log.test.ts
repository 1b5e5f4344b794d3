import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordInvoiceReview } from "../statements/record-invoice-review.ts";
import { importNetwork, invoicedRun, openTestData, type TestData, userIds } from "../testing/index.ts";
import { listAuditLog } from "./audit-log.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("audit log", () => {
  it("the audit log is paged newest first with every filter, also among rows of one instant", async () => {
    const { sql } = data.database;
    await sql`
      insert into audit_log (at, actor, action, object)
      select '2026-12-01'::timestamptz + make_interval(days => n / 3), case when n % 2 = 0 then 'system' else 'alice' end,
        case when n % 4 = 0 then 'decision.skip' else 'run.open' end, 'run:' || n % 3
      from generate_series(0, 29) n`;
    const rows = [...(await sql`select id::int, at, actor, action, object from audit_log order by at desc, id desc`)];
    const filters = [
      [{}, () => true],
      [{ actor: "alice" }, ({ actor }) => actor === "alice"],
      [{ actor: "system" }, ({ actor }) => actor === "system"],
      [{ action: "run.open" }, ({ action }) => action === "run.open"],
      [{ action: "decision.skip" }, ({ action }) => action === "decision.skip"],
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

  it("the audit log of an invoice has its creation and its review, and those of no other invoice", async () => {
    const { ctx, database } = data;
    await importNetwork(ctx, [
      { externalId: "ada", balance: "150.00" },
      { externalId: "ben", balance: "150.00" },
    ]);
    await invoicedRun(data, "2026-12-07");
    const { ada } = await userIds(database);
    const number = `INV-20261207-${ada}`;
    data.clock.set("2026-12-08T09:00:00Z");
    const review = { actor: "alice", isProgram: false, now: data.clock(), selection: { numbers: [number] } };
    await recordInvoiceReview(ctx.db, { ...review, to: { status: "paid" } });
    const log = await listAuditLog(ctx.db, { object: `invoice:${number}` }, { limit: 10 });
    expect(log.map(({ action }) => action)).toEqual(["invoice.pay", "invoice.create"]);
    const [paid] = log;
    const older = await listAuditLog(
      ctx.db,
      { object: `invoice:${number}` },
      { limit: 10, ...(paid && { after: paid }) },
    );
    expect(older.map(({ action }) => action)).toEqual(["invoice.create"]);
  });
});
