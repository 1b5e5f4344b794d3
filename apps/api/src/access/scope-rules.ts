import type { AccessRule } from "@cpa-payouts/contract";
import type { FastifyInstance } from "fastify";

/** Gives every route of a scope the same rule: those of a plugin, which knows nothing of rules. */
export function setRule(scope: FastifyInstance, access: AccessRule): void {
  scope.addHook("onRoute", (route) => {
    route.config = { ...route.config, access };
  });
}
