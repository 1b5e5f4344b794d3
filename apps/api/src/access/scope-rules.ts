import type { AccessRule } from "@cpa-payouts/contract";
import type { FastifyInstance } from "fastify";

/** Gives every route of a Fastify scope the same rule. It is for plugins, which register their routes without rules. */
export function setRule(scope: FastifyInstance, access: AccessRule): void {
  scope.addHook("onRoute", (route) => {
    route.config = { ...route.config, access };
  });
}
