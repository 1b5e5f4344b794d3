import { guardedChangeKinds, guardedChangeStatuses, stopReasons } from "@cpa-payouts/core";
import { z } from "zod";
import { idInPath, instant, pageOf, pageQuery } from "./fields.ts";
import { operation } from "./operation.ts";

/** A change that needed a second person when it was requested. */
export const guardedChange = z
  .object({
    id: z.int(),
    kind: z.enum(guardedChangeKinds),
    /** What is changed, as the audit log names it: `settings`, or `admin:alice@example.com`. */
    object: z.string(),
    /**
     * The values to set, by name, as the audit log has them: amounts of settings are cents. For an administrator they are the
     * role and the state that result.
     */
    wanted: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    requestedBy: z.string(),
    requestedAt: instant,
    /** From when on it may be made without a second person; null until it has been announced, which the next tick does. */
    mayApplyAt: instant.nullable(),
    status: z.enum(guardedChangeStatuses),
    /** Who confirmed or stopped it; `system` for a tick. */
    decidedBy: z.string().nullable(),
    decidedAt: instant.nullable(),
    stopReason: z.enum(stopReasons).nullable(),
  })
  .meta({ id: "GuardedChange" });
export type GuardedChange = z.output<typeof guardedChange>;

const adminOnly = { role: "admin", scope: null } as const;
const params = z.object({ id: idInPath });

/** The changes that wait for a second person while the two-person rule is on. */
export const changeOperations = {
  listChanges: operation({
    method: "GET",
    path: "/api/v1/changes",
    summary: "Changes of access and of rules that wait, or waited, for a second person, newest first",
    access: adminOnly,
    query: z.object({ ...pageQuery, status: z.enum(guardedChangeStatuses).optional() }),
    response: pageOf(guardedChange),
  }),
  confirmChange: operation({
    method: "POST",
    path: "/api/v1/changes/:id/confirmation",
    summary:
      "Make a waiting change that another administrator requested; a password that it issues is shown once, here",
    access: { ...adminOnly, isSensitive: true },
    params,
    response: z.object({ change: guardedChange, password: z.string().nullable() }),
  }),
  stopChange: operation({
    method: "POST",
    path: "/api/v1/changes/:id/stop",
    summary: "Stop a waiting change, of one's own or of another administrator",
    access: adminOnly,
    params,
    response: guardedChange,
  }),
};
