import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The files of the repository below a folder whose names match a pattern, relative to its root. Hidden folders, installed
 * packages and builds are left out.
 *
 * @param {string} folder relative to the root; `.` for the whole repository
 * @param {RegExp} pattern
 * @returns {string[]}
 */
export function filesIn(folder, pattern) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return /^(\.|node_modules$|dist$)/.test(entry.name) ? [] : filesIn(file, pattern);
    return pattern.test(entry.name) ? [file] : [];
  });
}
