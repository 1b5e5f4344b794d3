import { readFileSync } from "node:fs";
import path from "node:path";
import type { BullBoard } from "./bull-board.ts";

/**
 * Bull Board's page, the same under each of its addresses. What is filled into its template is ours and constant, so
 * that no template engine is needed.
 *
 * @throws Error when the template is not what it was
 */
export function renderPage({ entry, uiConfig, pageFolder }: BullBoard, basePath: string): string {
  const { name, params } = entry.handler({ basePath, uiConfig });
  const template = readFileSync(path.join(pageFolder, name), "utf8");
  const page = template
    .replace(/<%[-=] (\w+) %>/g, (placeholder, key: string) => params[key] ?? placeholder)
    .replace(OUTSIDE_STYLES, "")
    .replace("</head>", `<style>${HIDDEN_BUTTONS}</style></head>`);
  if (page.includes("<%") || !page.includes(HIDDEN_BUTTONS))
    throw new Error(`the page of Bull Board in ${pageFolder} is not as it was; look at board/page.ts`);
  return page;
}

/** It would ask Google for a font: not without a network, not under our content security policy, and nobody's business. */
const OUTSIDE_STYLES = /<link [^>]*href="https?:[^>]*>/g;

/**
 * Buttons that are refused to everybody (board/actions.ts). Bull Board hides either all buttons of a queue or none; they
 * can be told apart by their icons, which have the same name in every language. A button that this misses is refused.
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
