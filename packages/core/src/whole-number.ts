/**
 * Reads a whole number that is written with digits only: no sign, no decimals, no exponent, no spaces. Leading zeros
 * change nothing: `007` is 7, not octal.
 *
 * @param from the smallest number allowed, 0 or more
 * @param to the largest number allowed, at most `Number.MAX_SAFE_INTEGER`
 * @returns the number; null for another text or a number outside of the range
 */
export function parseWholeNumber(text: string, from: number, to: number): number | null {
  if (!/^\d+$/.test(text)) return null;
  const number = Number(text);
  return number >= from && number <= to ? number : null;
}
