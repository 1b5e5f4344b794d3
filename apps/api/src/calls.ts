import type { Readable } from "node:stream";
import type { InputOf, OperationName, operationGroups, ResponseOf } from "@cpa-payouts/contract";
import type { AuditContext } from "@cpa-payouts/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "./access/callers.ts";
import type { Api } from "./api.ts";
import { ApiProblem } from "./problems.ts";

/** One request to an operation: its validated input, its caller and the `audit` context for the audit log. */
export type Call<N extends OperationName> = InputOf<N> & {
  readonly caller: Caller | null;
  readonly audit: AuditContext;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

/** A response that is streamed to the client instead of being held in memory. */
export interface Streamed {
  readonly stream: Readable;
  /** The name under which a browser saves the download. */
  readonly fileName?: string;
}

type Handler<N extends OperationName> = (api: Api, call: Call<N>) => Promise<ResponseOf<N, Streamed>>;

/** One handler per operation. A missing handler, or one with another type of response, does not compile. */
export type HandlersOf<Names extends OperationName> = { readonly [N in Names]: Handler<N> };

/** The handlers of a group of operations. */
export type Handlers<Group extends keyof typeof operationGroups> = HandlersOf<
  keyof (typeof operationGroups)[Group] & OperationName
>;

/**
 * The administrator who makes a request that tokens may not make.
 *
 * @param refusal the sentence for a token
 * @throws ApiProblem 403 when the caller is a token or is not signed in
 */
export function personOf(
  { caller }: { readonly caller: Caller | null },
  refusal = "only people may do this, not tokens",
): Extract<Caller, { kind: "admin" }> {
  if (caller?.kind !== "admin") throw new ApiProblem(403, "forbidden", refusal);
  return caller;
}
