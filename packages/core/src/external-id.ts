/** In UTF-16 code units, as JavaScript counts. */
export const MAX_EXTERNAL_ID_LENGTH = 200;

/**
 * Checks an external id, the name that the network's own system has for a user. An id is read by people and stands in
 * addresses and files, so it must look like what it is: no control characters, and none that change the direction of text,
 * with which two different ids look the same.
 *
 * @returns what is wrong, as the end of a sentence about the id; null for a good one
 */
export function externalIdProblem(text: string): string | null {
  if (text === "") return "it is empty";
  if (text.length > MAX_EXTERNAL_ID_LENGTH)
    return `it has ${text.length} characters, at most ${MAX_EXTERNAL_ID_LENGTH} are allowed`;
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return "it has a control character or a line break";
  if (/\p{Surrogate}/u.test(text)) return "it has half of a surrogate pair";
  if (/\p{Bidi_Control}/u.test(text)) return "it has a character that changes the direction of text";
  // Browsers and HTTP clients take these two as steps in a path, so no address could name the user.
  if (text === "." || text === "..") return "an address cannot contain it";
  return null;
}
