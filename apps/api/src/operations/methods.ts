import { defined } from "@cpa-payouts/core";
import { findUser, listMethods, type MethodListing } from "@cpa-payouts/db";
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
    if (!(await findUser(ctx.db, externalId))) throw notFound(`user ${externalId}`);
    const { result, binanceEmail, status } = await reviewMethod(ctx, { ...audit, externalId, ...body });
    if (result === "reviewed") return { binanceEmail, status };
    throw conflict("the method is reviewed already, or the user has another one now", { binanceEmail, status });
  },
};

function present({ id: _id, reviewedAt, createdAt, ...method }: MethodListing) {
  return { ...method, reviewedAt: reviewedAt?.toISOString() ?? null, createdAt: createdAt.toISOString() };
}
