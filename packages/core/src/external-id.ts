/** In UTF-16 code units, as JavaScript counts. */
const MAX_NEW_LENGTH = 200;

/** The longest id that earlier versions have stored, in the same units. */
export const MAX_EXTERNAL_ID_LENGTH = 320;

/**
 * Checks the external id of a new user, the name that the network's own system has for them. An id is read by people and
 * stands in addresses and files: control characters, characters that change the direction of text and invisible ones are
 * refused, since with them two different ids look the same. Letters of other scripts that look alike are not.
 *
 * Users whom earlier versions have stored keep their ids, whatever they contain.
 *
 * @returns what is wrong, as the end of a sentence about the id; null for a good one
 */
export function newExternalIdProblem(text: string): string | null {
  if (text === "") return "it is empty";
  if (text.length > MAX_NEW_LENGTH) return `it has ${text.length} characters, at most ${MAX_NEW_LENGTH} are allowed`;
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return "it has a control character or a line break";
  if (/\p{Surrogate}/u.test(text)) return "it has half of a surrogate pair";
  if (/\p{Bidi_Control}/u.test(text)) return "it has a character that changes the direction of text";
  if (/[\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(text)) return "it has an invisible character";
  // Browsers and HTTP clients take these two as steps in a path, so no address could name the user.
  if (text === "." || text === "..") return "an address cannot contain it";
  return null;
}
