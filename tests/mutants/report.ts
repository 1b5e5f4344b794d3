import type { Mutant } from "./mutant.ts";

/** What is read of the report that Vitest's reporter `json` writes. */
export interface Results {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

export interface Verdict {
  /** `broken`: the mutant is not valid SQL or does not load, so that its failure says nothing about the tests. */
  readonly outcome: "caught" | "survived" | "broken";
  /** The first test that failed, or its message. */
  readonly by: string;
  /** Whether the outcome is the one wanted: an equivalent mutant survives, any other one is caught. */
  readonly isExpected: boolean;
}

/** Errors of SQL that PostgreSQL cannot parse or analyse, and of sources that do not load. */
const BROKEN =
  /syntax error at|(column|relation|function) \S+ does not exist|Transform failed|SyntaxError|its text occurs/;

/** @param code the exit code of Vitest */
export function verdictOf({ equivalent }: Mutant, code: number | null, { testResults }: Results): Verdict {
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === "failed");
  const messages = [...(failed?.failureMessages ?? []), ...testResults.map(({ message }) => message)].join("\n");
  if (BROKEN.test(messages)) return { outcome: "broken", by: firstLine(messages), isExpected: false };
  if (failed) return { outcome: "caught", by: failed.fullName.trim(), isExpected: equivalent === undefined };
  if (code !== 0) return { outcome: "broken", by: firstLine(messages) || `exit code ${code}`, isExpected: false };
  return { outcome: "survived", by: equivalent ?? "no test", isExpected: equivalent !== undefined };
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}

export const tableHead = "| mutant | fault | outcome | by |\n| --- | --- | --- | --- |";

/** A row of the table in Markdown. A fault that goes unnoticed is set in capitals. */
export function rowOf({ name, fault }: Mutant, { outcome, by, isExpected }: Verdict): string {
  const word = isExpected ? outcome : outcome.toUpperCase();
  return `| ${[name, fault, word, by].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
