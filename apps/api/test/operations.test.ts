import { operations } from "@cpa-payouts/contract";
import { createInvoices, decideChunk, findRun, findViolations, recordFailure } from "@cpa-payouts/db";
import { userIds } from "@cpa-payouts/db/testing";
import { parseMetrics } from "@cpa-payouts/testing-servers";
import { generateSync } from "otplib";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  browserHeaders,
  clientWith,
  cookieOf,
  held,
  made,
  makeReady,
  openTestApi,
  PASSWORD,
  refusal,
  type SignedIn,
  type TestApi,
} from "./api.ts";

/**
 * These tests depend on each other in order. Together they call every operation of the document with the typed client.
 * Each answer is checked against the document (see api.ts), and here against the expected values.
 */
let api: TestApi;
let admin: SignedIn;

beforeAll(async () => {
  api = await openTestApi({
    users: [
      { externalId: "ann", balance: "150.00" },
      { externalId: "ben", balance: "700.50" },
      { externalId: "cyd", method: "pending", binanceEmail: "Shared@pay.example.com" },
      { externalId: "dan", method: "pending", binanceEmail: "shared@pay.example.com" },
      { externalId: "eve", balance: "20.00" },
      { externalId: "fay", previousInvoices: 0 },
      { externalId: "gus", balance: "300.00" },
    ],
  });
  admin = await api.as("admin");
});

afterAll(async () => {
  expect(await findViolations(api.flow.ctx.db, () => {})).toEqual([]);
  await api.close();
});

it("users can be listed by status, balance, method and search text, page by page", async () => {
  const ids = async (query: Parameters<SignedIn["listUsers"]>[0]) =>
    (await admin.listUsers(query)).items.map(({ externalId }) => externalId);
  expect(await ids({ query: { method: "pending" } })).toEqual(["cyd", "dan"]);
  expect(await ids({ query: { minimumBalance: "300" } })).toEqual(["ben", "gus"]);
  expect(await ids({ query: { search: "EVE@" } })).toEqual(["eve"]);
  expect(await ids({ query: { status: "closed" } })).toEqual([]);
  expect(await ids({ query: { sort: "newest", limit: 3 } })).toEqual(["gus", "fay", "eve"]);
  const first = await admin.listUsers({ query: { limit: 4 } });
  const rest = await admin.listUsers({ query: { limit: 4, cursor: first.next ?? "" } });
  expect([...first.items, ...rest.items].map(({ externalId }) => externalId).join()).toBe(
    "ann,ben,cyd,dan,eve,fay,gus",
  );
  expect(rest.next).toBeNull();
  expect(await refusal(admin.listUsers({ query: { cursor: "nonsense" } }))).toMatchObject({ status: 400 });
});

it("a user is shown with the next expected payment and everything that is missing for it", async () => {
  const expected = async (externalId: string) => (await admin.readUser({ params: { externalId } })).expected;
  const today = { paymentDate: "2026-12-07", kind: "first-monday" };
  expect(await expected("ann")).toEqual({ ...today, amount: "150.00", missing: [] });
  expect(await expected("eve")).toEqual({ ...today, amount: "20.00", missing: ["below-minimum"] });
  expect(await expected("cyd")).toEqual({ ...today, amount: "150.00", missing: ["no-approved-method"] });
  expect(await expected("fay")).toEqual({ ...today, amount: "150.00", missing: [] });
  api.flow.clock.set("2026-12-08T00:00:00Z");
  admin = await api.as("admin");
  expect(await expected("ann")).toMatchObject({ paymentDate: "2026-12-21", kind: "mid-month" });
  expect(await expected("fay")).toMatchObject({ paymentDate: "2027-01-04", kind: "first-monday" });
  api.flow.clock.set("2026-12-07T12:00:00Z");
  admin = await api.as("admin");
  expect(await refusal(admin.readUser({ params: { externalId: "unknown" } }))).toMatchObject({ status: 404 });
});

it("pending payment methods can be reviewed once, and show e-mails that several users share", async () => {
  const { items } = await admin.listMethods({ query: { status: "pending" } });
  expect(items.map(({ externalId, sharedWith }) => [externalId, sharedWith])).toEqual([
    ["cyd", 1],
    ["dan", 1],
  ]);
  const review = (
    externalId: string,
    binanceEmail: string,
    verdict: Parameters<SignedIn["reviewMethod"]>[0]["body"]["verdict"],
  ) => admin.reviewMethod({ params: { externalId }, body: { binanceEmail, verdict } });
  expect(await review("cyd", "Shared@pay.example.com", { status: "approved" })).toMatchObject({ status: "approved" });
  expect(await refusal(review("cyd", "Shared@pay.example.com", { status: "approved" }))).toEqual({
    status: 409,
    code: "conflict",
    current: { binanceEmail: "Shared@pay.example.com", status: "approved" },
  });
  // The address is not the user's present one: the reviewer saw another one.
  expect(await refusal(review("dan", "other@example.com", { status: "approved" }))).toMatchObject({ status: 409 });
  expect(
    await review("dan", "shared@pay.example.com", { status: "rejected", reason: "the same as cyd" }),
  ).toMatchObject({
    status: "rejected",
  });
  expect(await refusal(review("unknown", "shared@pay.example.com", { status: "approved" }))).toEqual({
    status: 404,
    code: "not-found",
  });
});

it("a credit is made once per key: the same request gets the same response, another one a conflict", async () => {
  const credit = (key: string, body: Parameters<SignedIn["createCredit"]>[0]["body"]) =>
    admin.createCredit({ headers: { "idempotency-key": key }, body });
  const sent = { externalId: "ann", amount: "10.00", note: "conversion 77" };
  const first = await credit("c-77", sent);
  expect(first).toMatchObject({ kind: "credit", externalId: "ann", amount: "10.00", key: "c-77" });
  expect(await credit("c-77", sent)).toEqual(first);
  for (const other of [{ amount: "10.01" }, { externalId: "ben" }, { note: "another" }])
    expect(await refusal(credit("c-77", { ...sent, ...other }))).toMatchObject({ status: 409, current: first });
  const many = await Promise.all(Array.from({ length: 10 }, () => credit("c-78", sent)));
  expect(new Set(many.map(({ id }) => id)).size).toBe(1);
  expect(await refusal(credit("c-79", { externalId: "unknown", amount: "1" }))).toMatchObject({ status: 404 });
  for (const amount of ["0", "-1", "1.234", "1e3", "$5", ""])
    expect(await refusal(credit("c-80", { externalId: "ann", amount }))).toMatchObject({
      status: 400,
      code: "bad-input",
    });
  expect((await admin.readUser({ params: { externalId: "ann" } })).balance).toBe("170.00");
});

it("an adjustment is made once per key, needs a reason, and may take a balance below zero", async () => {
  const adjust = (key: string, body: Parameters<SignedIn["createAdjustment"]>[0]["body"]) =>
    admin.createAdjustment({ headers: { "idempotency-key": key }, body });
  const sent = { externalId: "eve", amount: "-50.00", reason: "charged back" };
  const first = await adjust("a-1", sent);
  expect(first).toMatchObject({ kind: "adjustment", amount: "-50.00", note: "charged back" });
  expect(await adjust("a-1", sent)).toEqual(first);
  expect(await refusal(adjust("c-77", sent))).toMatchObject({ status: 409 });
  expect(await refusal(adjust("a-2", { ...sent, reason: " " }))).toMatchObject({ status: 400 });
  expect(await refusal(adjust("a-2", { ...sent, amount: "0" }))).toMatchObject({ status: 400 });
  expect((await admin.readUser({ params: { externalId: "eve" } })).balance).toBe("-30.00");
  const { items, next } = await admin.listLedger({ params: { externalId: "eve" }, query: { limit: 1 } });
  expect(items).toEqual([first]);
  const rest = await admin.listLedger({ params: { externalId: "eve" }, query: { cursor: next ?? "" } });
  expect(rest.items).toMatchObject([{ kind: "credit", amount: "20.00" }]);
});

it("a change of a user's status is in the audit log with its reason", async () => {
  const status = (to: "active" | "suspended") =>
    admin.changeUserStatus({ params: { externalId: "gus" }, body: { status: to, reason: "under inquiry" } });
  expect(await status("suspended")).toMatchObject({ externalId: "gus", status: "suspended" });
  const { id } = await admin.readUser({ params: { externalId: "gus" } });
  const { items } = await admin.listAuditLog({ query: { object: `user:${id}`, action: "user.status" } });
  expect(items).toMatchObject([
    {
      actor: "admin@example.com",
      reason: "under inquiry",
      before: { status: "active" },
      after: { status: "suspended" },
    },
  ]);
});

it("a run can be previewed, opened, read with its decisions and failures, retried and resumed", async () => {
  expect(await admin.previewRun()).toMatchObject({
    paymentDate: "2026-12-07",
    state: "preview",
    totals: { invoiced: 4, total: "1170.50" },
  });
  expect(await admin.previewRun({ query: { date: "2026-12-08" } })).toMatchObject({
    state: "not-a-payment-date",
    next: "2026-12-21",
  });
  expect(await refusal(admin.openRun({ body: { paymentDate: "2026-12-21" } }))).toMatchObject({ status: 400 });
  await expect(admin.openRun({ body: { paymentDate: "2026-12-21" } })).rejects.toThrow(
    "2026-12-21 is in the future (today is 2026-12-07); GET /api/v1/preview?date=2026-12-21 shows what its run would decide",
  );
  expect(await refusal(admin.openRun({ body: { paymentDate: "2026-12-08" } }))).toMatchObject({ status: 400 });
  await expect(admin.openRun({ body: { paymentDate: "2026-11-16" } })).rejects.toThrow(
    "2026-11-16 is before 2026-12-07, the earliest date that can be run here",
  );
  const opened = await admin.openRun({ body: { paymentDate: "2026-12-07" } });
  expect(opened).toMatchObject({ state: "deciding", trigger: "manual", openedBy: "admin@example.com" });
  expect(await admin.openRun({ body: { paymentDate: "2026-12-07" } })).toEqual(opened);

  // The part of the workers, with one user whose job fails.
  const { db, clock } = api.flow.ctx;
  const run = await findRun(db, "2026-12-07");
  const runId = run?.id ?? 0;
  await decideChunk(db, { runId, limit: 100, now: clock() });
  const { ann = 0, ben = 0, cyd = 0, fay = 0 } = await userIds(api.flow.database);
  await createInvoices(db, { runId, userIds: [ann, ben, cyd], now: clock() });
  await recordFailure(db, { runId, userId: fay, error: "the database was full", now: clock() });

  expect(await admin.readRun({ params: { date: "2026-12-07" } })).toMatchObject({
    considered: 6,
    invoiced: 3,
    failed: 1,
  });
  const decisions = async (query: NonNullable<Parameters<SignedIn["listDecisions"]>[0]["query"]>) =>
    (await admin.listDecisions({ params: { date: "2026-12-07" }, query })).items;
  expect(await decisions({ outcome: "failed" })).toEqual([
    expect.objectContaining({ externalId: "fay", error: "the database was full", balance: "150.00" }),
  ]);
  expect((await decisions({ reason: "no-approved-method" })).map(({ externalId }) => externalId)).toEqual(["dan"]);
  expect((await decisions({ outcome: "skipped" })).map(({ externalId }) => externalId)).toEqual(["dan", "gus"]);
  const page = await admin.listDecisions({ params: { date: "2026-12-07" }, query: { limit: 4 } });
  expect(await decisions({ cursor: page.next ?? "" })).toHaveLength(2);

  expect(await admin.retryRun({ params: { date: "2026-12-07" } })).toEqual({ retried: 1 });
  expect(await admin.retryRun({ params: { date: "2026-12-07" } })).toEqual({ retried: 0 });
  await createInvoices(db, { runId, userIds: [fay], now: clock() });
  expect(await admin.resumeRun({ params: { date: "2026-12-07" } })).toMatchObject({
    state: "fanning-out",
    invoiced: 4,
  });
  expect((await admin.listRuns({ query: { state: "fanning-out" } })).items).toHaveLength(1);
  expect(await refusal(admin.readRun({ params: { date: "2026-12-21" } }))).toMatchObject({ status: 404 });
  expect(await refusal(admin.readRun({ params: { date: "yesterday" } }))).toMatchObject({ status: 400 });
});

it("the API explains in words why a user was paid or not", async () => {
  const why = async (externalId: string, query = {}) =>
    (await admin.explainUser({ params: { externalId }, query })).items;
  expect(await why("ann")).toMatchObject([{ outcome: "invoiced", invoiceNumber: "INV-20261207-1" }]);
  expect((await why("gus"))[0]?.sentence).toBe(
    "gus on 2026-12-07: not paid, because when the run decided the account was not active. The balance was $300.00.",
  );
  expect(await why("gus", { date: "2026-12-21" })).toEqual([]);
});

it("invoices can be listed with totals and read, and a bulk review refuses a set that has changed since its preview", async () => {
  const list = await admin.listInvoices({ query: { sort: "largest", limit: 2 } });
  expect(list.items.map(({ externalId, amount }) => `${externalId} ${amount}`)).toEqual(["ben 700.50", "ann 170.00"]);
  expect(list.totals).toEqual({ invoices: 4, amount: "1170.50", isExact: true });
  const rest = await admin.listInvoices({ query: { sort: "largest", cursor: list.next ?? "" } });
  expect(rest.items).toHaveLength(2);
  expect(rest.totals).toBeNull();
  expect(await admin.totalInvoices({ query: { search: "ben" } })).toEqual({
    invoices: 1,
    amount: "700.50",
    isExact: true,
  });
  expect(await admin.readInvoice({ params: { number: "INV-20261207-2" } })).toMatchObject({
    externalId: "ben",
    job: "/queues/queue/invoices/invoice-1-2",
  });
  expect(await refusal(admin.readInvoice({ params: { number: "INV-20261207-99" } }))).toMatchObject({ status: 404 });

  await admin.changeSettings({ body: { twoPersonAbove: "500.00" } });
  const review = { selection: { filter: { paymentDate: "2026-12-07" } }, verdict: { status: "paid" } } as const;
  const { token, expiresAt, ...preview } = await admin.previewReview({ body: review });
  expect(preview).toEqual({
    counts: expect.arrayContaining([
      { result: "reviewed", invoices: 3, amount: "470.00" },
      { result: "approved", invoices: 1, amount: "700.50" },
    ]),
    alreadyReviewed: [],
  });
  expect(expiresAt).toBe("2026-12-07T12:15:00.000Z");
  const one = { selection: { numbers: ["INV-20261207-1"] }, verdict: { status: "rejected" as const, reason: "wrong" } };
  const { token: tokenOfOne } = await admin.previewReview({ body: one });
  expect(await admin.reviewInvoices({ body: { ...one, token: tokenOfOne } })).toEqual({
    counts: [{ result: "reviewed", invoices: 1, amount: "170.00" }],
  });
  expect(await refusal(admin.reviewInvoices({ body: { ...review, token } }))).toMatchObject({
    status: 409,
    current: { counts: expect.arrayContaining([{ result: "reviewed", invoices: 2, amount: "300.00" }]) },
  });
  const { token: fresh } = await admin.previewReview({ body: review });
  await admin.reviewInvoices({ body: { ...review, token: fresh } });
  const operator = await api.as("operator");
  const { token: second } = await operator.previewReview({ body: review });
  expect(await operator.reviewInvoices({ body: { ...review, token: second } })).toEqual({
    counts: [{ result: "reviewed", invoices: 1, amount: "700.50" }],
  });
  expect(
    (await admin.listInvoices({ query: { status: "paid" } })).items.find(({ externalId }) => externalId === "ben"),
  ).toMatchObject({
    approvedBy: "admin@example.com",
    approvedFor: "paid",
    reviewedBy: "operator@example.com",
  });
  const unknown = { ...one, selection: { numbers: ["INV-1", "INV-2"] } };
  expect(await refusal(admin.previewReview({ body: unknown }))).toMatchObject({ status: 400 });
});

it("the CSV export has all matching invoices, with spreadsheet formulas made harmless", async () => {
  await api.flow.database.sql`update users set name = '=HYPERLINK("http://example.com")' where external_id = 'ann'`;
  await api.flow.database.sql`update users set email = '+ann@example.com' where external_id = 'ann'`;
  const response = await admin.exportInvoices({ query: { search: "ann" } });
  expect(response.headers.get("content-disposition")).toBe('attachment; filename="invoices.csv"');
  expect((await response.text()).split("\n")).toEqual([
    "number,external_id,email,name,payment_date,amount,currency,destination,status,reason,approved_by,reviewed_by,reviewed_at,created_at,approved_for",
    'INV-20261207-1,ann,\'+ann@example.com,"\'=HYPERLINK(""http://example.com"")",2026-12-07,170.00,USD,ann@pay.example.com,rejected,wrong,,admin@example.com,2026-12-07T12:00:00.000Z,2026-12-07T12:00:00.000Z,',
    "",
  ]);
  const raw = await admin.exportInvoices({ query: { search: "ann", raw: "true" } });
  expect((await raw.text()).split("\n")[1]).toMatch(/^INV-20261207-1,ann,\+ann@example\.com,"=HYPERLINK\(""/);
});

it("a cancelled run cannot be cancelled again or retried, and its progress stream ends", async () => {
  const cancelled = await admin.cancelRun({ params: { date: "2026-12-07" }, body: { reason: "a drill" } });
  expect(cancelled).toEqual({ state: "cancelled", skipped: 0 });
  expect(await refusal(admin.cancelRun({ params: { date: "2026-12-07" }, body: { reason: "again" } }))).toEqual({
    status: 409,
    code: "conflict",
    current: { state: "cancelled" },
  });
  expect(await refusal(admin.retryRun({ params: { date: "2026-12-07" } }))).toEqual({
    status: 409,
    code: "conflict",
    current: { state: "cancelled" },
  });
  const missing = { date: "2026-12-21" };
  expect(await refusal(admin.retryRun({ params: missing }))).toEqual({ status: 404, code: "not-found" });
  expect(await refusal(admin.cancelRun({ params: missing, body: { reason: "a drill" } }))).toEqual({
    status: 404,
    code: "not-found",
  });
  const events = await (await admin.followRun({ params: { date: "2026-12-07" } })).text();
  const data = '{"state":"cancelled","done":6,"total":6}';
  expect(events).toBe(`event: progress\ndata: ${data}\n\nevent: end\ndata: ${data}\n\n`);
});

it("the dashboard shows the present state, and the calendar lists the payment dates", async () => {
  expect(await admin.readDashboard()).toEqual({
    invoices: expect.arrayContaining([
      { status: "paid", invoices: 3, amount: "1000.50" },
      { status: "rejected", invoices: 1, amount: "170.00" },
    ]),
    oldestPending: null,
    users: expect.arrayContaining([{ status: "suspended", users: 1, balance: "300.00" }]),
    pendingMethods: 0,
    lastRun: { paymentDate: "2026-12-07", state: "cancelled", invoiced: 4, failed: 0, total: "1170.50" },
    nextPaymentDate: { paymentDate: "2026-12-21", kind: "mid-month", dueAt: "2026-12-21T02:00:00.000Z" },
    missedPaymentDates: [],
    unavailable: [],
  });
  const { items, schedule } = await admin.listPaymentDates({ query: { from: "2027-02-01", months: 1 } });
  expect(schedule).toBeNull();
  expect(items).toEqual([
    { paymentDate: "2027-02-01", kind: "first-monday", dueAt: "2027-02-01T02:00:00.000Z" },
    { paymentDate: "2027-02-22", kind: "mid-month", dueAt: "2027-02-22T02:00:00.000Z" },
  ]);
  const ics = await (await admin.exportCalendar({ query: { months: 2 } })).text();
  expect(ics.match(/BEGIN:VEVENT/g)).toHaveLength(5);
});

it("administrators, tokens and settings can be managed", async () => {
  const created = await made(admin.createAdmin({ body: { email: "New@example.com", role: "viewer" } }));
  expect(created).toMatchObject({ email: "new@example.com", password: expect.stringMatching(/^(\w{5}-){3}\w{5}$/) });
  expect(await refusal(admin.createAdmin({ body: { email: "new@example.com", role: "admin" } }))).toMatchObject({
    status: 409,
    current: { role: "viewer" },
  });
  const params = { email: "new@example.com" };
  expect(
    await refusal(admin.changeAdmin({ params: { email: "admin@example.com" }, body: { isDisabled: true } })),
  ).toMatchObject({
    status: 409,
  });
  // The two-person rule is on. An administrator of more than a day may be the second person.
  const second = await api.as("admin", { email: "second@example.com" });
  const raised = await held(admin.changeAdmin({ params, body: { role: "operator" } }));
  expect(raised).toMatchObject({ kind: "change-admin", object: "admin:new@example.com", wanted: { role: "operator" } });
  expect((await second.listChanges({ query: { status: "waiting" } })).items).toEqual([raised]);
  expect(await second.confirmChange({ params: { id: raised.id } })).toMatchObject({
    change: { status: "applied", decidedBy: "second@example.com" },
    password: null,
  });
  expect((await admin.listAdmins()).items).toContainEqual(expect.objectContaining({ ...params, role: "operator" }));
  const reset = await held(admin.resetAdminPassword({ params }));
  expect((await second.confirmChange({ params: { id: reset.id } })).password).not.toBe(created.password);
  const removal = await held(admin.removeAdminSecondFactor({ params }));
  expect(await second.stopChange({ params: { id: removal.id } })).toMatchObject({ status: "stopped" });
  expect((await admin.listAdmins()).items.map(({ email }) => email)).toContain("new@example.com");

  const { token } = await admin.createToken({ body: { name: "erp", scopes: ["credits:write"] } });
  expect(await refusal(admin.createToken({ body: { name: "erp", scopes: ["runs:read"] } }))).toMatchObject({
    status: 409,
  });
  const program = clientWith(api.request, { authorization: `Bearer ${token}` });
  const credit = { headers: { "idempotency-key": "erp-1" }, body: { externalId: "ben", amount: "1" } };
  expect(await program.createCredit(credit)).toMatchObject({ actor: "token:erp" });
  expect(await refusal(program.listInvoices())).toMatchObject({ status: 403 });
  expect((await admin.listTokens()).items).toMatchObject([
    { name: "erp", createdBy: "admin@example.com", revokedAt: null },
  ]);
  await admin.revokeToken({ params: { name: "erp" } });
  expect(await refusal(program.createCredit(credit))).toMatchObject({ status: 401 });

  expect(await admin.readSettings()).toMatchObject({ twoPersonAbove: "500.00", coolingOffDays: 0 });
  const relaxed = await held(admin.changeSettings({ body: { twoPersonAbove: null, coolingOffDays: 2 } }));
  expect(await admin.readSettings()).toMatchObject({ twoPersonAbove: "500.00", coolingOffDays: 0 });
  await second.confirmChange({ params: { id: relaxed.id } });
  expect(await admin.readSettings()).toMatchObject({
    twoPersonAbove: null,
    coolingOffDays: 2,
    updatedBy: "admin@example.com",
  });
  await made(admin.removeAdminSecondFactor({ params }));
});

it("administrators can manage their own session, password and second factor", async () => {
  const { password } = await made(admin.createAdmin({ body: { email: "me@example.com", role: "viewer" } }));
  const anonymous = api.anonymous;
  await anonymous.signIn({ body: { email: "me@example.com", password } });
  const response = await api.request({
    method: "POST",
    url: operations.signIn.path,
    headers: browserHeaders,
    payload: { email: "me@example.com", password },
  });
  const me = clientWith(api.request, { ...browserHeaders, cookie: cookieOf(response) });
  expect(await me.readSession()).toMatchObject({ email: "me@example.com", role: "viewer" });
  await me.confirmSession({ body: { password } });
  await me.changePassword({ body: { password: PASSWORD } });
  const { secret } = await me.proposeSecondFactor();
  const code = generateSync({ secret, epoch: api.flow.clock().getTime() / 1_000 });
  await me.setSecondFactor({ body: { code } });
  await me.removeSecondFactor();
  const { items } = await me.listSessions();
  expect(items.map(({ isThisOne }) => isThisOne)).toEqual([true]);
  await me.endSession({ params: { id: items[0]?.id ?? 0 } });
  expect(await refusal(me.signOut())).toMatchObject({ status: 401 });
  const other = await api.as("viewer");
  await other.signOut();
});

it("liveness, readiness and metrics can be read", async () => {
  expect(await api.anonymous.readLiveness()).toEqual({ status: "alive" });
  expect(await refusal(api.anonymous.readReadiness())).toMatchObject({ status: 503 });
  await makeReady(api);
  expect(await admin.readReadiness()).toMatchObject({ status: "ready", checks: expect.any(Array) });
  const metrics = parseMetrics(await (await admin.readMetrics()).text());
  expect(metrics.get("payouts_ready")).toBe(1);
});

it("the log of the API has no name, e-mail, amount or secret", () => {
  const said = JSON.stringify(api.flow.log.lines);
  expect(api.flow.log.of("request.done").length).toBeGreaterThan(100);
  for (const personal of ["@", "User ", "ann", "payouts_", PASSWORD, "150.00", "15000"])
    expect(said).not.toContain(personal);
});

it("every documented operation was called, and the document has exactly the operations of the contract", () => {
  const documented = Object.values(api.document.document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId ?? ""),
  );
  expect(documented.sort()).toEqual(Object.keys(operations).sort());
  expect([...api.document.called].sort()).toEqual(documented);
});
