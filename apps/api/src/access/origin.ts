import { ApiProblem } from "../problems.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** The parts of a request that say which page it comes from. */
export interface OriginCheck {
  readonly method: string;
  /** The API's origin, to which the request was sent. */
  readonly ownOrigin: string;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * Refuses changes that a foreign page requests. Browsers send the session cookie with such requests, but they also send
 * `Sec-Fetch-Site` or `Origin`, which a page cannot change. A request with an `Authorization` header is accepted, since
 * its caller is identified by the token and not by a cookie.
 *
 * @returns null to accept the request, otherwise the 403 to respond with
 */
export function refusalOfOrigin(check: OriginCheck): ApiProblem | null {
  if (SAFE_METHODS.has(check.method) || check.authorization !== undefined) return null;
  const refusal = new ApiProblem(403, "cross-site", "changes are accepted from this server's own pages only");
  if (check.secFetchSite !== undefined && check.secFetchSite !== "same-origin") return refusal;
  if (check.origin !== undefined && check.origin !== check.ownOrigin) return refusal;
  // Current browsers send at least one of the two headers with a change.
  if (check.secFetchSite === undefined && check.origin === undefined) return refusal;
  return null;
}
