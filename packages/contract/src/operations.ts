import type { z } from "zod";
import { changeOperations } from "./changes.ts";
import { healthOperations } from "./health.ts";
import { invoiceOperations } from "./invoices.ts";
import type { Operation } from "./operation.ts";
import { overviewOperations } from "./overview.ts";
import { runOperations } from "./runs.ts";
import { adminOperations, sessionOperations } from "./sessions.ts";
import { settingsOperations } from "./settings.ts";
import { tokenOperations } from "./tokens.ts";
import { ledgerOperations, methodOperations, userOperations } from "./users.ts";

/** Every operation, by group. The routes, the OpenAPI document, the client and the tests are made from this table. */
export const operationGroups = {
  sessions: sessionOperations,
  invoices: invoiceOperations,
  runs: runOperations,
  users: userOperations,
  methods: methodOperations,
  ledger: ledgerOperations,
  overview: overviewOperations,
  admins: adminOperations,
  changes: changeOperations,
  tokens: tokenOperations,
  settings: settingsOperations,
  health: healthOperations,
} as const satisfies Record<string, Record<string, Operation>>;

type Group = (typeof operationGroups)[keyof typeof operationGroups];
type NameIn<G> = G extends Group ? keyof G : never;

export type OperationName = NameIn<Group>;

/** The same operations by name. */
export const operations = Object.assign({}, ...Object.values(operationGroups)) as {
  readonly [N in OperationName]: Extract<Group, Readonly<Record<N, Operation>>>[N];
};

type Of<N extends OperationName> = (typeof operations)[N];

type Parts = "params" | "query" | "headers" | "body";
type SchemaOf<N extends OperationName, P extends Parts> =
  Of<N> extends { readonly [K in P]: infer S extends z.ZodType } ? S : never;

/** The validated input of an operation's handler. */
export type InputOf<N extends OperationName> = {
  readonly [P in Parts as SchemaOf<N, P> extends never ? never : P]: z.output<SchemaOf<N, P>>;
};

type WireOf<N extends OperationName, P extends Parts> = z.input<SchemaOf<N, P>>;

/** The request that a client sends, before the schemas convert it. A part with only optional fields may be left out. */
export type RequestOf<N extends OperationName> = {
  readonly [P in Parts as SchemaOf<N, P> extends never ? never : object extends WireOf<N, P> ? never : P]: WireOf<N, P>;
} & {
  readonly [P in Parts as SchemaOf<N, P> extends never ? never : object extends WireOf<N, P> ? P : never]?: WireOf<
    N,
    P
  >;
};

/**
 * The response of an operation: `undefined` without a body, the type `Streamed` when it is streamed, and the change that waits
 * where a change may have to.
 */
export type ResponseOf<N extends OperationName, Streamed = never> =
  | (Of<N>["response"] extends infer A
      ? A extends z.ZodType
        ? z.output<A>
        : A extends null
          ? undefined
          : Streamed
      : never)
  | (Of<N> extends { readonly held: infer H extends z.ZodType } ? z.output<H> : never);
