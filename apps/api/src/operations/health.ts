import { Readable } from "node:stream";
import { isReady, withTimeout } from "@cpa-payouts/pipeline";
import type { FastifyRequest } from "fastify";
import { callerOf } from "../access/callers.ts";
import { refusalOf } from "../access/rules.ts";
import type { Api } from "../api.ts";
import type { Handlers } from "../calls.ts";

/** The details of readiness have the same access rule as the metrics. */
const DETAILS = { role: "viewer", scope: "metrics:read" } as const;

const LIMIT_MS = 1_250;

export const healthHandlers: Handlers<"health"> = {
  readLiveness: async () => ({ status: "alive" }),

  readReadiness: async (api, { request, reply }) => {
    const [checks, showsDetails] = await Promise.all([api.readiness(), mayReadDetails(api, request)]);
    const status = isReady(checks) ? "ready" : "not-ready";
    void reply.code(status === "ready" ? 200 : 503);
    return showsDetails ? { status, checks: [...checks] } : { status };
  },

  readMetrics: async ({ metrics }) => ({ stream: Readable.from([await metrics.text()]) }),
};

/** False while the database is unavailable: the caller cannot be looked up then, and the response must not wait for it. */
async function mayReadDetails(api: Api, request: FastifyRequest): Promise<boolean> {
  const now = api.ctx.clock();
  const findCaller = withTimeout(() => callerOf(api, request), LIMIT_MS);
  const caller = await findCaller().catch(() => null);
  return refusalOf(DETAILS, caller, now) === null;
}
