// Imported dynamically, because the list of common passwords (half a megabyte) is needed by a change of a password only. The
// imports here are static: the packages are CommonJS, whose names a bundle gives to static imports only.
import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary } from "@zxcvbn-ts/language-common";

const zxcvbn = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

/**
 * Estimates how many guesses a password withstands, as a power of ten.
 *
 * @param words what a guesser would try first, in any combination
 */
export function estimateGuesses(password: string, words: readonly string[]): number {
  return zxcvbn.check(password, [...words]).guessesLog10;
}
