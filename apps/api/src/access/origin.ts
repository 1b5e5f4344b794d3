import { ApiProblem } from "../problems.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export interface OriginCheck {
  readonly method: string;
  /** Of the request: what it was sent to. */
  readonly ownOrigin: string;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * Whether a change comes from a page of ours: browsers send cookies along with what a foreign page asks for, too, but they
 * say where it comes from, and no page can change that. A request with an `Authorization` header is not a browser's doing.
 *
 * @returns null if all is well, otherwise what to answer
 */
export function refusalOfOrigin(check: OriginCheck): ApiProblem | null {
  if (SAFE_METHODS.has(check.method) || check.authorization !== undefined) return null;
  const refusal = new ApiProblem(403, "cross-site", "changes are accepted from our own pages only");
  if (check.secFetchSite !== undefined && check.secFetchSite !== "same-origin") return refusal;
  if (check.origin !== undefined && check.origin !== check.ownOrigin) return refusal;
  // Every browser of the last years sends at least one of them with a change.
  if (check.secFetchSite === undefined && check.origin === undefined) return refusal;
  return null;
}
