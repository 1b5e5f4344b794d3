import { readFile } from "node:fs/promises";
import path from "node:path";

/** A fault that a change of one source file would put into the product. */
export interface Mutant {
  /** Unique; letters, digits and dashes. */
  readonly name: string;
  /** What the fault is, for the table. */
  readonly fault: string;
  /** The source file, relative to the repository. */
  readonly file: string;
  /** The text that is replaced; it occurs in the file once. */
  readonly from: string;
  readonly to: string;
  /** The test files that must notice, relative to the repository. */
  readonly tests: readonly string[];
  /** Why no test can notice: the product behaves as before. The command fails if a test does notice. */
  readonly equivalent?: string;
}

export const repository = path.join(import.meta.dirname, "../..");

/** The source of a file with the fault. @throws Error when the text to replace does not occur exactly once */
export function mutate({ name, file, from, to }: Mutant, source: string): string {
  const parts = source.split(from);
  if (parts.length !== 2)
    throw new Error(`mutant ${name}: its text occurs ${parts.length - 1} times in ${file}, not once`);
  // Joined and not replaced, because `$` has a meaning in a replacement.
  return parts.join(to);
}

/** Reads the mutant's file as it is in the repository. */
export function sourceOf({ file }: Mutant): Promise<string> {
  return readFile(path.join(repository, file), "utf8");
}
