import { InputError, OperationError } from "@cpa-payouts/core";
import type { InvoiceVerdict } from "@cpa-payouts/db";
import {
  type MethodReviewResult,
  type MethodVerdict,
  requireReason,
  reviewInvoices,
  reviewMethod,
} from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";

const GIVE_REASON = ": --reason TEXT";

export interface InvoiceReviewOptions {
  readonly paid?: boolean;
  readonly reject?: boolean;
  readonly forfeit?: boolean;
  readonly reason?: string;
}

/**
 * `payouts review`: marks invoices as paid or rejects them.
 *
 * @returns `failed` when an invoice does not have the requested status afterwards: it was given the other one before, or it
 *   still needs the approval of a second person
 * @throws InputError for contradicting options, a missing reason, or unknown numbers; nothing is changed then
 */
export async function review(cli: Cli, numbers: readonly string[], options: InvoiceReviewOptions): Promise<ExitCode> {
  const verdict = readInvoiceVerdict(options);
  return withDatabase(cli, async (ctx) => {
    const reviewed = await reviewInvoices(ctx, { selection: { numbers }, verdict, actor: cli.actor });
    // Only a review with a preview ends in this way.
    if (reviewed.status === "refused") throw new OperationError("the preview does not permit this review");
    const { invoices } = reviewed;
    await cli.output.list(
      [{ key: "number" }, { key: "status" }, { key: "result" }],
      invoices.map((invoice) => ({ ...invoice })),
    );
    return invoices.every(({ status }) => status === verdict.status) ? exitCodes.done : exitCodes.failed;
  });
}

function readInvoiceVerdict({ paid, reject, forfeit, reason }: InvoiceReviewOptions): InvoiceVerdict {
  if (paid === reject) throw new InputError("say either --paid or --reject");
  if (paid && (forfeit || reason !== undefined)) throw new InputError("--forfeit and --reason go with --reject");
  if (paid) return { status: "paid" };
  return {
    status: "rejected",
    reason: requireReason(reason, GIVE_REASON),
    disposition: forfeit ? "forfeit" : "return",
  };
}

export interface MethodReviewOptions {
  readonly approve?: boolean;
  readonly reject?: boolean;
  readonly reason?: string;
}

/**
 * `payouts method`: approves or rejects a user's latest payment method.
 *
 * @returns `failed` when the method does not have the requested status afterwards
 * @throws InputError for contradicting options, a missing reason, an unknown user, or a user without a method
 */
export async function method(cli: Cli, externalId: string, options: MethodReviewOptions): Promise<ExitCode> {
  const verdict = readMethodVerdict(options);
  return withDatabase(cli, async (ctx) => {
    const { result, method } = knownMethod(
      externalId,
      await reviewMethod(ctx, { externalId, verdict, actor: cli.actor }),
    );
    const { binanceEmail, status } = method;
    await cli.output.object({ externalId, result, status, binanceEmail }, () => [
      result === "reviewed"
        ? `${binanceEmail} of ${externalId} is now ${status}`
        : `${binanceEmail} of ${externalId} is ${status} already; nothing was changed`,
    ]);
    return status === verdict.status ? exitCodes.done : exitCodes.failed;
  });
}

function knownMethod(externalId: string, review: MethodReviewResult) {
  switch (review.status) {
    case "reviewed":
    case "already-reviewed":
      return { result: review.status, method: review.method };
    case "no-method":
      throw new InputError(`user ${externalId} has no payment method`);
    case "unknown-user":
      throw new InputError(`there is no user ${externalId}`);
  }
}

function readMethodVerdict({ approve, reject, reason }: MethodReviewOptions): MethodVerdict {
  if (approve === reject) throw new InputError("say either --approve or --reject");
  if (approve && reason !== undefined) throw new InputError("--reason goes with --reject");
  return approve ? { status: "approved" } : { status: "rejected", reason: requireReason(reason, GIVE_REASON) };
}
