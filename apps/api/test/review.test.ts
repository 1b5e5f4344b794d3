import { findViolations } from "@cpa-payouts/db";
import { fingerprint, invoicedRun } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NOW, openTestApi, refusal, type SignedIn, type TestApi } from "./api.ts";

/** Goal: what a person previewed is all that this person can commit, and only once. */
const selection = { filter: { status: "pending" } } as const;
const paid = { status: "paid" } as const;
const returned = { status: "rejected", reason: "fraud", disposition: "return" } as const;
const forfeited = { ...returned, disposition: "forfeit" } as const;

let api: TestApi;
let admin: SignedIn;
let operator: SignedIn;

beforeEach(async () => {
  api = await openTestApi({ users: [{ externalId: "ann", balance: "150.00" }, { externalId: "ben" }] });
  await invoicedRun({ ctx: api.flow.ctx, database: api.flow.database }, "2026-12-07");
  admin = await api.as("admin");
  operator = await api.as("operator");
});

afterEach(async () => {
  expect(await findViolations(api.flow.ctx.db, () => {})).toEqual([]);
  await api.close();
});

type Review = Parameters<SignedIn["reviewInvoices"]>[0]["body"];

/** The status and code with which a review is refused; it changes nothing. */
async function refused(client: SignedIn, body: Review) {
  const before = await fingerprint(api.flow.database);
  const { status, code } = await refusal(client.reviewInvoices({ body }));
  expect(await fingerprint(api.flow.database)).toEqual(before);
  return { status, code };
}

const preview = async (client: SignedIn, verdict: Review["verdict"], chosen: Review["selection"] = selection) =>
  (await client.previewReview({ body: { selection: chosen, verdict } })).token;

describe("commit of a bulk review", () => {
  it("a preview of a payment commits neither a forfeit, nor a rejection, nor a part of the set", async () => {
    const token = await preview(admin, paid);
    const differs = { status: 409, code: "preview-differs" };
    expect(await refused(admin, { selection, verdict: forfeited, token })).toEqual(differs);
    expect(await refused(admin, { selection, verdict: returned, token })).toEqual(differs);
    const part = { numbers: ["INV-20261207-1"] };
    expect(await refused(admin, { selection: part, verdict: paid, token })).toEqual(differs);
  });

  it("a rejection has the reason of its preview", async () => {
    const token = await preview(admin, returned);
    const edited = { ...returned, reason: "a request of the user" };
    expect(await refused(admin, { selection, verdict: edited, token })).toEqual({
      status: 409,
      code: "preview-differs",
    });
    expect(await admin.reviewInvoices({ body: { selection, verdict: returned, token } })).toEqual({
      counts: [{ result: "reviewed", invoices: 2, amount: "300.00" }],
    });
  });

  it("a preview of another person or program cannot be committed", async () => {
    const token = await preview(admin, paid);
    const foreign = { status: 403, code: "preview-of-another" };
    expect(await refused(operator, { selection, verdict: paid, token })).toEqual(foreign);
    const program = await api.withToken("invoices:review");
    expect(await refused(program, { selection, verdict: paid, token })).toEqual(foreign);
  });

  it("a preview is committed once, and the second commit says that the review was made", async () => {
    const body = { selection, verdict: paid, token: await preview(admin, paid) };
    await admin.reviewInvoices({ body });
    expect(await refused(admin, body)).toEqual({ status: 409, code: "preview-used" });
  });

  it("a preview expires after fifteen minutes", async () => {
    const token = await preview(admin, paid);
    api.flow.clock.set(new Date(Date.parse(NOW) + 15 * 60_000).toISOString());
    expect(await refused(admin, { selection, verdict: paid, token })).toEqual({ status: 409, code: "preview-expired" });
  });

  it("a token computed from the set, as anyone who knows the invoices could, is unknown", async () => {
    await preview(admin, paid);
    const [row] = await api.flow.database.sql<{ token: string; set_digest: string }[]>`
      select encode(sha256(convert_to(string_agg(id || ':' || amount_cents || ':reviewed', ',' order by id), 'UTF8')), 'hex')
        as token, (select set_digest from review_previews) from invoices`;
    expect(row?.token).toBe(row?.set_digest);
    for (const token of [row?.token ?? "", ""])
      expect(await refused(admin, { selection, verdict: paid, token })).toEqual({
        status: 409,
        code: "preview-unknown",
      });
  });

  it("a review of a filter is refused when an invoice joined it or left it since the preview", async () => {
    const token = await preview(operator, paid);
    const one = { numbers: ["INV-20261207-2"] };
    await admin.reviewInvoices({ body: { selection: one, verdict: paid, token: await preview(admin, paid, one) } });
    const body = { selection, verdict: paid, token };
    expect(await refusal(operator.reviewInvoices({ body }))).toEqual({
      status: 409,
      code: "conflict",
      current: { counts: [{ result: "reviewed", invoices: 1, amount: "150.00" }] },
    });
  });

  it("a review is refused when the two-person rule has changed what it would do since the preview", async () => {
    const token = await preview(operator, forfeited);
    await admin.changeSettings({ body: { twoPersonAbove: "100.00" } });
    expect(await refused(operator, { selection, verdict: forfeited, token })).toEqual({
      status: 409,
      code: "conflict",
    });
  });
});

describe("forfeits", () => {
  it("a token can neither preview nor commit a forfeit", async () => {
    const program = await api.withToken("invoices:review");
    const forbidden = { status: 403, code: "forbidden" };
    expect(await refusal(program.previewReview({ body: { selection, verdict: forfeited } }))).toMatchObject(forbidden);
    const token = await preview(program, returned);
    expect(await refused(program, { selection, verdict: forfeited, token })).toEqual(forbidden);
    expect(await program.reviewInvoices({ body: { selection, verdict: returned, token } })).toEqual({
      counts: [{ result: "reviewed", invoices: 2, amount: "300.00" }],
    });
  });

  it("a forfeit above the limit needs two people, and the first approval says what it is for", async () => {
    await admin.changeSettings({ body: { twoPersonAbove: "100.00" } });
    const commit = async (client: SignedIn, verdict: Review["verdict"]) =>
      (await client.reviewInvoices({ body: { selection, verdict, token: await preview(client, verdict) } })).counts;
    expect(await commit(admin, forfeited)).toEqual([{ result: "approved", invoices: 2, amount: "300.00" }]);
    expect(await commit(admin, forfeited)).toEqual([{ result: "same-person", invoices: 2, amount: "300.00" }]);
    const params = { number: "INV-20261207-1" };
    const approval = { approvedBy: "admin@example.com", approvedFor: "forfeit" };
    expect(await admin.readInvoice({ params })).toMatchObject({ ...approval, status: "pending", disposition: null });
    expect(await commit(operator, forfeited)).toEqual([{ result: "reviewed", invoices: 2, amount: "300.00" }]);
    expect(await admin.readInvoice({ params })).toMatchObject({
      ...approval,
      reviewedBy: "operator@example.com",
      status: "rejected",
      disposition: "forfeit",
    });
  });
});
