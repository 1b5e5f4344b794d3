/**
 * Where a cell of a spreadsheet can begin in a field of a CSV file: at the beginning, and after a semicolon, a tab or a line
 * break, at which a spreadsheet splits the field if it is set up for other files than this one.
 */
const CELL_BEGINNING = "(?<=^|[;\\t\\r\\n])";

/**
 * What makes a cell a formula, also after quotes, spaces, separators and characters that are not seen: `=`, `+`, `-`, `@`, also
 * in full width and in small, tab, line break.
 */
const FORMULA = "[\\s\"',;|\\p{Cc}\\p{Cf}\\p{Default_Ignorable_Code_Point}]*[=+\\-@＝＋－＠﹦﹢﹣﹫\\t\\r\\n]";

const TO_ESCAPE = new RegExp(`${CELL_BEGINNING}(?='|${FORMULA})`, "gu");

/**
 * Makes a text harmless to spreadsheets, which would compute a text that begins like a formula, and the text may come from a
 * user. An apostrophe is put before every beginning of a cell that is a formula or has an apostrophe itself. So a program
 * gets the text back when it removes one apostrophe, where there is one, from each such beginning:
 * `text.replace(/(^|[;\t\r\n])'/g, "$1")`.
 */
export function escapeFormula(text: string): string {
  return text.replace(TO_ESCAPE, "'");
}
