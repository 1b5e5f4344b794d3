import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { setRule } from "./access/scope-rules.ts";
import { ApiProblem } from "./problems.ts";

/**
 * Where requests go whose address cannot be routed. Fastify would answer them without the checks and headers of all other
 * requests, and repeat the address.
 */
const MALFORMED = "/malformed";
const TOO_LONG = "/too-long";

/** The longest path of the API, with an external id of 320 characters of which each takes 9 when it is encoded, is shorter. */
export const LONGEST_PATH = 4_096;

/** The requests that were led to one of the two addresses; for all others there are no such pages. */
const unroutable = new WeakSet<IncomingMessage>();

/** @returns the address to route: the one of the request, or the one of a route that refuses it */
export function routableUrl(request: IncomingMessage): string {
  const { url = "/" } = request;
  const refusing = refusingUrl(url);
  if (refusing !== null) unroutable.add(request);
  return refusing ?? url;
}

function refusingUrl(url: string): string | null {
  const [path = ""] = url.split("?");
  if (path.length > LONGEST_PATH) return TOO_LONG;
  return isDecodable(path) && !/%00/.test(url) ? null : MALFORMED;
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** Registers the routes of {@link routableUrl}, and refuses text that PostgreSQL cannot store wherever it arrives. */
export async function refuseMalformed(server: FastifyInstance): Promise<void> {
  await server.register(async (scope) => {
    setRule(scope, { role: "public", scope: null });
    const refuse = (url: string, refusal: () => ApiProblem) =>
      scope.all(url, { schema: { hide: true } }, async ({ raw }, reply) => {
        if (!unroutable.has(raw)) return reply.callNotFound();
        throw refusal();
      });
    refuse(
      MALFORMED,
      () =>
        new ApiProblem(400, "bad-request", "the address is not a valid URL: it has a null byte or a wrong % sequence"),
    );
    refuse(TOO_LONG, () => new ApiProblem(414, "too-long", `the path has more than ${LONGEST_PATH} characters`));
  });
  server.addHook("preValidation", async ({ query, params, body }) => {
    const problems = unstorable({ query, params, body });
    if (problems.length > 0) throw new ApiProblem(400, "bad-input", problems.join("; "), { problems });
  });
}

const UNSTORABLE = "it has a null character or half a surrogate pair";

/** At this many the rest is not reported. */
const MOST_PROBLEMS = 20;

/**
 * Where in some values there is text that no database can store: a null character, or half of a surrogate pair. Values are
 * visited in a loop, because a body of brackets alone is nested deeper than functions can call themselves.
 */
function unstorable(values: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  const left = Object.entries(values);
  for (let next = left.pop(); next && problems.length < MOST_PROBLEMS; next = left.pop()) {
    const [where, value] = next;
    if (typeof value === "string" && !isStorable(value)) problems.push(`${where}: ${UNSTORABLE}`);
    if (typeof value !== "object" || value === null) continue;
    for (const [name, field] of Object.entries(value)) {
      if (!isStorable(name)) problems.push(`${where}: a name: ${UNSTORABLE}`);
      left.push([`${where}.${name}`, field]);
    }
  }
  return problems;
}

function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}
