import type { Operation } from "./operation.ts";
import { type OperationName, operations, type RequestOf, type ResponseOf } from "./operations.ts";
import { type Problem, problem, problemTitles, problemTypeOf } from "./problem.ts";

/** The error for a response with a status of 400 or more. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.detail);
    this.status = status;
    this.problem = problem;
  }
}

export interface ClientOptions {
  /** Such as `https://payouts.example.com`, without a slash at the end; empty for the origin of the page. */
  readonly baseUrl: string;
  /** `fetch`, or a replacement for it. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Sent with every request, such as `authorization: Bearer ...`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One function per operation. For a streamed response it resolves with the `Response` itself. */
export type Client = {
  readonly [N in OperationName]: object extends RequestOf<N>
    ? (request?: RequestOf<N>) => Promise<ResponseOf<N, Response>>
    : (request: RequestOf<N>) => Promise<ResponseOf<N, Response>>;
};

interface AnyRequest {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Creates a typed client of the API. A call resolves with the operation's response or rejects with {@link ApiError}. */
export function createClient(options: ClientOptions): Client {
  const call = async (operation: Operation, request: AnyRequest = {}) => {
    const response = await options.fetch(
      urlOf(options.baseUrl, operation, request),
      initOf(options, operation, request),
    );
    if (!response.ok) throw new ApiError(response.status, await problemOf(response));
    if (typeof operation.response === "string") return response;
    return response.status === 204 ? undefined : await response.json();
  };
  const entries = Object.entries(operations).map(([name, operation]) => [
    name,
    (request?: AnyRequest) => call(operation, request),
  ]);
  return Object.fromEntries(entries) as Client;
}

/** The path of an operation with its parameters filled in. */
export function pathTo({ path }: Pick<Operation, "path">, params: Readonly<Record<string, unknown>>): string {
  return path.replace(/:(\w+)/g, (_part, name: string) => encodeURIComponent(String(params[name])));
}

function urlOf(baseUrl: string, operation: Operation, { params = {}, query = {} }: AnyRequest): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return `${baseUrl}${pathTo(operation, params)}${search === "" ? "" : `?${search}`}`;
}

function initOf(options: ClientOptions, { method }: Operation, { headers, body }: AnyRequest): RequestInit {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  return {
    method,
    headers: { ...options.headers, ...headers, ...json },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

/** A proxy in between may respond with a body that is not the API's. */
async function problemOf(response: Response): Promise<Problem> {
  const { status, statusText, headers } = response;
  const body = problem.safeParse(parseJson(await response.text()));
  if (body.success) return body.data;
  return {
    type: problemTypeOf("unexpected"),
    title: problemTitles.unexpected,
    status,
    detail: `${status} ${statusText}`,
    instance: headers.get("x-request-id") ?? "",
    code: "unexpected",
  };
}

/** The value of a JSON text; undefined for any other text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
