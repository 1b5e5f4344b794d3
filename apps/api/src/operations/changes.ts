import { confirmChange, stopWaitingChange } from "@cpa-payouts/access";
import type { GuardedChange as PresentedChange } from "@cpa-payouts/contract";
import { defined, MOST_REQUESTS_A_DAY } from "@cpa-payouts/core";
import { type GuardedChange, type HeldChange, listGuardedChanges, type SettleRefusal } from "@cpa-payouts/db";
import type { FastifyReply } from "fastify";
import type { Caller } from "../access/callers.ts";
import { type Handlers, personOf } from "../calls.ts";
import { positions, readCursor, toPage } from "../cursors.ts";
import { ApiProblem, conflict, notFound } from "../problems.ts";

export const changeHandlers: Handlers<"changes"> = {
  listChanges: async ({ ctx }, call) => {
    const { cursor, limit, status } = call.query;
    const after = readCursor(positions.byId, cursor)?.id;
    const rows = await listGuardedChanges(ctx.db, defined({ status }), { ...defined({ after }), limit: limit + 1 });
    return toPage(rows, limit, { present: presentChange, position: ({ id }) => ({ id }) });
  },

  confirmChange: async ({ access }, call) => {
    const { id: changeId } = call.params;
    const confirmed = await confirmChange(access, { ...call.audit, changeId, confirmedBy: requesterOf(call) });
    if (confirmed.status === "unknown-change") throw notFound(`change ${changeId}`);
    const { change, password } = confirmed;
    if (confirmed.status === "refused") throw problemOf(confirmed.refusal, change);
    if (confirmed.status === "stopped")
      throw conflict(
        `the change ${changeId} no longer applies and was stopped: ${confirmed.reason}`,
        presentChange(change),
      );
    if (confirmed.status === "not-waiting") throw decided(change);
    return { change: presentChange(change), password };
  },

  stopChange: async ({ access }, call) => {
    const { id: changeId } = call.params;
    const stopped = await stopWaitingChange(access, { ...call.audit, changeId });
    if (!stopped) throw notFound(`change ${changeId}`);
    if (!stopped.isStopped) throw decided(stopped.change);
    return presentChange(stopped.change);
  },
};

function decided(change: GuardedChange): ApiProblem {
  return conflict(`the change ${change.id} was ${change.status} before`, presentChange(change));
}

function problemOf(refusal: SettleRefusal, change: GuardedChange): ApiProblem {
  switch (refusal) {
    case "not-an-admin":
      return lostRights();
    case "new-power":
      return new ApiProblem(
        403,
        "second-person-required",
        "your account, password or role was given to you less than a day ago; another administrator must confirm this",
      );
    case "requester-new-power":
      return new ApiProblem(
        403,
        "second-person-required",
        `the account, password or role of ${change.requestedBy} was given to them less than a day ago; confirm this when a day has passed`,
      );
    case "same-person":
    case "too-early":
      return new ApiProblem(
        403,
        "second-person-required",
        `you requested this yourself; another administrator must confirm it, or you may ${describeEndOfWait(change)}`,
      );
  }
}

function lostRights(): ApiProblem {
  return new ApiProblem(403, "forbidden", "your role has just been changed");
}

function describeEndOfWait({ mayApplyAt }: GuardedChange): string {
  return mayApplyAt ? `from ${mayApplyAt.toISOString()} on` : "a day after it was announced, which the next tick does";
}

/** The id of the administrator who makes a request. */
export function requesterOf(call: { readonly caller: Caller | null }): number {
  return personOf(call).session.adminId;
}

/**
 * The response to a change that waits for a second person: 202 with the change.
 *
 * @throws ApiProblem 409 when a change of that kind waited for the object before; 403 when the requester has just lost the rights;
 *   429 when they have requested too many changes
 */
export function presentHeld(held: HeldChange, { reply }: { readonly reply: FastifyReply }): PresentedChange {
  if (held.status === "requester-lost-rights") throw lostRights();
  if (held.status === "too-many-requests")
    throw new ApiProblem(
      429,
      "too-many-requests",
      `you have requested ${MOST_REQUESTS_A_DAY} changes within 24 hours; another administrator may request this one`,
    );
  const change = presentChange(held.change);
  if (held.status === "waits-already")
    throw conflict(
      `a change of this kind waits already, as number ${change.id}: confirm or stop that one first`,
      change,
    );
  void reply.code(202);
  return change;
}

function presentChange({ requestedAt, mayApplyAt, decidedAt, ...change }: GuardedChange): PresentedChange {
  return {
    ...change,
    wanted: change.wanted as PresentedChange["wanted"],
    requestedAt: requestedAt.toISOString(),
    mayApplyAt: mayApplyAt?.toISOString() ?? null,
    decidedAt: decidedAt?.toISOString() ?? null,
  };
}
