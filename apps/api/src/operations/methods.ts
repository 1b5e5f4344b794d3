import { defined, InputError } from "@cpa-payouts/core";
import { listMethods, type MethodListing } from "@cpa-payouts/db";
import { reviewMethod } from "@cpa-payouts/pipeline";
import type { Handlers } from "../calls.ts";
import { positions, readCursor, toPage } from "../cursors.ts";
import { conflict, notFound } from "../problems.ts";

export const methodHandlers: Handlers<"methods"> = {
  listMethods: async ({ ctx }, { query }) => {
    const { status, externalId, limit, cursor } = query;
    const afterId = readCursor(positions.byId, cursor)?.id ?? 0;
    const filter = defined({ status, externalId });
    const rows = await listMethods(ctx.db, filter, { afterId, limit: limit + 1 });
    return toPage(rows, limit, { present, position: ({ id }) => ({ id }) });
  },

  reviewMethod: async ({ ctx }, { params, body, audit }) => {
    const { externalId } = params;
    const result = await reviewMethod(ctx, { ...audit, externalId, ...body });
    switch (result.status) {
      case "reviewed":
        return result.method;
      case "already-reviewed":
        throw conflict("the method is reviewed already, or the user has another one now", { ...result.method });
      case "no-method":
        throw new InputError(`user ${externalId} has no payment method`);
      case "unknown-user":
        throw notFound(`user ${externalId}`);
    }
  },
};

function present({ id: _id, reviewedAt, createdAt, ...method }: MethodListing) {
  return { ...method, reviewedAt: reviewedAt?.toISOString() ?? null, createdAt: createdAt.toISOString() };
}
