import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeError } from "../errors.ts";
import type { InvoiceReview, InvoiceVerdict, ReviewResult } from "../invoice-review.ts";
import { findViolations } from "../reads/invariants.ts";
import { previewInvoiceReview } from "../reads/invoice-review-preview.ts";
import { findInvoice } from "../reads/invoices.ts";
import { invoicedRun, openTestData, type TestData } from "../testing/index.ts";
import { NOW, reviewOf } from "../testing/invoice-reviews.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";
import { updateSettings } from "./update-settings.ts";

/**
 * Goal: whatever the rule was at the first approval and is now, a review does what its preview says, and what the rule of
 * today asks for.
 * Method: every combination of an earlier review, a change of the rule and a review, each on an invoice of its own, compared
 * with an oracle that shares no code with the product.
 */
const AMOUNT_CENTS = 500_00n;

const verdicts = {
  pay: { status: "paid" },
  return: { status: "rejected", reason: "fraud", disposition: "return" },
  forfeit: { status: "rejected", reason: "fraud", disposition: "forfeit" },
} as const satisfies Record<string, InvoiceVerdict>;
type Act = keyof typeof verdicts;

/** The limit of the two-person rule in cents; null when it is off. */
const rulesBefore = { off: null, "on, invoice at the limit": 500_00n, "on, invoice above the limit": 400_00n };
const rulesNow = { off: null, "raised above the invoice": 600_00n, lowered: 100_00n, unchanged: undefined };

const earlier: readonly (readonly [actor: string, act: Act] | null)[] = [
  null,
  ["alice", "pay"],
  ["bob", "pay"],
  ["alice", "forfeit"],
  ["bob", "forfeit"],
  ["bob", "return"],
];
const reviewers = ["alice", "token:erp"];
const acts = Object.keys(verdicts) as Act[];

interface State {
  readonly status: "pending" | "paid" | "rejected";
  readonly approvedBy: string | null;
  readonly approvedToForfeit: boolean;
  readonly reviewedBy: string | null;
}

const untouched: State = { status: "pending", approvedBy: null, approvedToForfeit: false, reviewedBy: null };

/** What the rule asks for, in plain code: the result of a review, null for an invoice that was reviewed before. */
function expectedResult(state: State, limit: bigint | null, actor: string, act: Act): ReviewResult | null {
  if (state.status !== "pending") return null;
  const isProgram = actor.startsWith("token:");
  if (act === "return") return "reviewed";
  if (act === "forfeit" && isProgram) return "needs-a-person";
  if (limit === null || AMOUNT_CENTS <= limit) return "reviewed";
  if (isProgram) return "needs-a-person";
  const isAgreed = state.approvedBy !== null && state.approvedToForfeit === (act === "forfeit");
  if (!isAgreed) return "approved";
  return state.approvedBy === actor ? "same-person" : "reviewed";
}

function expectedState(state: State, limit: bigint | null, actor: string, act: Act): State {
  switch (expectedResult(state, limit, actor, act)) {
    case "approved":
      return { ...state, approvedBy: actor, approvedToForfeit: act === "forfeit" };
    case "reviewed": {
      const status = act === "pay" ? "paid" : "rejected";
      const isAgreed = act !== "return" && state.approvedToForfeit === (act === "forfeit");
      const reviewed = { ...state, status, reviewedBy: actor } as const;
      return isAgreed && state.approvedBy !== actor
        ? reviewed
        : { ...reviewed, approvedBy: null, approvedToForfeit: false };
    }
    default:
      return state;
  }
}

let data: TestData;
let nextUser = 1;

const COMBINATIONS = earlier.length * reviewers.length * acts.length;
const USERS = COMBINATIONS * Object.keys(rulesBefore).length * Object.keys(rulesNow).length;

beforeAll(async () => {
  const users = Array.from({ length: USERS }, (_, index) => ({ externalId: `u${index}`, balance: "500.00" }));
  data = await openTestData({ users });
  await invoicedRun(data, "2026-12-07");
});

afterAll(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const limitTo = (twoPersonAboveCents: bigint | null) =>
  updateSettings(data.ctx.db, { actor: "test", twoPersonAboveCents, now: NOW });

const only = (counts: readonly { result: ReviewResult; invoices: number; amountCents: bigint }[]) =>
  counts.map(({ result, invoices, amountCents }) => `${result} ${invoices} ${amountCents}`).join();

/** The result of a preview, that of its review, and the invoice afterwards; a refusal of the database as its message. */
async function play(review: InvoiceReview, number: string) {
  const preview = await previewInvoiceReview(data.ctx.db, review);
  const commit = await recordInvoiceReview(data.ctx.db, review).then(({ counts }) => only(counts), describeError);
  const invoice = await findInvoice(data.ctx.db, number);
  const { status, approvedBy, approvedToForfeit, reviewedBy } = invoice ?? untouched;
  return { preview: only(preview.counts), commit, after: { status, approvedBy, approvedToForfeit, reviewedBy } };
}

describe.each(Object.entries(rulesBefore))("two-person rule at first: %s", (_before, before) => {
  it.each(Object.entries(rulesNow))(
    "a review does what its preview says when the rule is now %s",
    async (_now, now) => {
      const limit = now === undefined ? before : now;
      const cases = earlier.flatMap((first) =>
        reviewers.flatMap((actor) => acts.map((act) => ({ first, actor, act, number: `INV-20261207-${nextUser++}` }))),
      );
      await limitTo(before);
      for (const { first, number } of cases)
        if (first)
          await recordInvoiceReview(data.ctx.db, reviewOf(first[0], { numbers: [number] }, verdicts[first[1]]));
      await limitTo(limit);

      const found: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      for (const { first, actor, act, number } of cases) {
        const name = `${first?.join(" ") ?? "nothing"}, then ${actor} ${act}`;
        const state = first ? expectedState(untouched, before, ...first) : untouched;
        const result = expectedResult(state, limit, actor, act);
        const counts = result === null ? "" : `${result} 1 ${AMOUNT_CENTS}`;
        expected[name] = { preview: counts, commit: counts, after: expectedState(state, limit, actor, act) };
        found[name] = await play(reviewOf(actor, { numbers: [number] }, verdicts[act]), number);
      }
      expect(found).toEqual(expected);
    },
  );
});
