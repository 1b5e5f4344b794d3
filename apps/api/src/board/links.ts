import type { ExternalJobUrl, QueueJobJson } from "@bull-board/api/typings/app";
import { idInPath, operations, pathTo } from "@cpa-payouts/contract";
import { findExternalId, findInvoiceNumber } from "@cpa-payouts/db";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";

/**
 * The one link that Bull Board can show on a `create-invoice` job: to the invoice if there is one, otherwise to the user.
 * Jobs hold ids only, so the links lead to the redirects of {@link registerLinks}.
 */
export function linkOfJob({ data, returnvalue }: QueueJobJson): ExternalJobUrl {
  // A job that another program added to the queue may have other data, and must not break the page that shows it.
  const outcome = returnvalue?.outcome;
  if (outcome === "invoiced" || outcome === "already-invoiced")
    return { displayText: "Invoice", href: `/go/invoice/${data?.runId}/${data?.userId}` };
  return { displayText: "User", href: `/go/user/${data?.userId}` };
}

const config = { access: { role: "viewer", scope: null } } as const;
const ofInvoice = z.object({ runId: idInPath, userId: idInPath });
const ofUser = z.object({ userId: idInPath });

/** Redirects from the ids of a job to the invoice or the user in the API. */
export function registerLinks(server: FastifyInstance, { ctx }: Api): void {
  server.get(
    "/go/invoice/:runId/:userId",
    { config, schema: { hide: true, params: ofInvoice } },
    async (request, reply) => {
      const { runId, userId } = request.params as z.output<typeof ofInvoice>;
      const number = await findInvoiceNumber(ctx.db, { runId, userId });
      if (number === null) throw notFound(`invoice of run ${runId} for user ${userId}`);
      return reply.redirect(pathTo(operations.readInvoice, { number }));
    },
  );
  server.get("/go/user/:userId", { config, schema: { hide: true, params: ofUser } }, async (request, reply) => {
    const { userId } = request.params as z.output<typeof ofUser>;
    const externalId = await findExternalId(ctx.db, userId);
    if (externalId === null) throw notFound(`user ${userId}`);
    return reply.redirect(pathTo(operations.readUser, { externalId }));
  });
}
