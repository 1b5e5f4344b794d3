import { ApiProblem } from "./problems.ts";

/** Each stream asks the database every second, and browsers open at most six connections to a server. */
const STREAMS_PER_PERSON = 5;

/**
 * Counts the event streams of each person or program in this process.
 *
 * @param actor the caller's name in the audit log
 * @returns a function that ends the count of the new stream
 * @throws ApiProblem 429 when the caller follows too many runs already
 */
export type CountStream = (actor: string) => () => void;

/** Creates the count of one server. */
export function streamCounter(): CountStream {
  const open = new Map<string, number>();
  return (actor) => {
    const streams = open.get(actor) ?? 0;
    if (streams >= STREAMS_PER_PERSON)
      throw new ApiProblem(
        429,
        "too-many-requests",
        `you follow ${streams} runs at once already; close a page or a program that follows one`,
      );
    open.set(actor, streams + 1);
    return () => {
      const left = (open.get(actor) ?? 1) - 1;
      if (left > 0) open.set(actor, left);
      else open.delete(actor);
    };
  };
}
