import { readFileSync } from "node:fs";
import path from "node:path";
import type { BullBoard } from "./bull-board.ts";

/**
 * Renders Bull Board's page, which is the same under each of its URLs. The values for its template are constants of this
 * project, so no template engine is needed.
 *
 * @throws Error when the template has changed, such as with a new version of Bull Board
 */
export function renderPage({ entry, uiConfig, pageFolder }: BullBoard, basePath: string): string {
  const { name, params } = entry.handler({ basePath, uiConfig });
  const template = readFileSync(path.join(pageFolder, name), "utf8");
  const page = template
    .replace(/<%[-=] (\w+) %>/g, (placeholder, key: string) => params[key] ?? placeholder)
    .replace(OUTSIDE_STYLES, "")
    .replace("</head>", `<style>${HIDDEN_BUTTONS}</style></head>`);
  if (page.includes("<%") || !page.includes(HIDDEN_BUTTONS))
    throw new Error(`the template of Bull Board's page in ${pageFolder} has changed; adapt board/page.ts`);
  return page;
}

/**
 * The page's link to a font at Google. It fails without a network, the content security policy forbids it, and it would
 * disclose to Google who opens the board.
 */
const OUTSIDE_STYLES = /<link [^>]*href="https?:[^>]*>/g;

/**
 * Hides buttons whose changes are refused to every role (board/actions.ts). Bull Board itself hides either all buttons of
 * a queue or none. The selectors use the icons' names, which are the same in every language. The server refuses the
 * change of a button that the selectors miss.
 */
const HIDDEN_BUTTONS = [
  '[class^="jobActions-"] > li:not(:has(.lucide-refresh-cw, .lucide-corner-up-left))',
  '[class^="queueActions-"] > li:not(:has(.lucide-refresh-cw))',
  '[role="menuitem"]:has(.lucide-plus, .lucide-pause, .lucide-play, .lucide-chart-no-axes-gantt, .lucide-gauge, .lucide-trash-2, .lucide-ban)',
  // The job schedulers.
  "td button:has(.lucide-play, .lucide-pencil, .lucide-trash-2)",
]
  .map((selector) => `${selector} { display: none; }`)
  .join("\n");
