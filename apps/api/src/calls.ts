import type { Readable } from "node:stream";
import type { AnswerOf, InputOf, OperationName, operationGroups } from "@cpa-payouts/contract";
import type { Order } from "@cpa-payouts/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "./access/callers.ts";
import type { Api } from "./api.ts";
import { ApiProblem } from "./problems.ts";

/** One request to an operation: its validated input, and who makes it. */
export type Call<N extends OperationName> = InputOf<N> & {
  readonly caller: Caller | null;
  readonly order: Order;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

/** An answer that is written as it is read. */
export interface Streamed {
  readonly stream: Readable;
  /** Under which name a browser saves it. */
  readonly fileName?: string;
}

type Handler<N extends OperationName> = (api: Api, call: Call<N>) => Promise<AnswerOf<N, Streamed>>;

/** One handler per operation: one that is missing, or answers something else, is a compile error. */
export type HandlersOf<Names extends OperationName> = { readonly [N in Names]: Handler<N> };

/** The handlers of a group of operations. */
export type Handlers<Group extends keyof typeof operationGroups> = HandlersOf<
  keyof (typeof operationGroups)[Group] & OperationName
>;

/** The person who makes a request to an operation that tokens may not use. */
export function personOf({ caller }: { readonly caller: Caller | null }): Extract<Caller, { kind: "admin" }> {
  if (caller?.kind !== "admin") throw new ApiProblem(403, "forbidden", "only people may do this, not tokens");
  return caller;
}
