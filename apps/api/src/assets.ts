import { createRequire } from "node:module";
import path from "node:path";

/** Folders with the web pages of libraries. The files are read at run time, so the bundler does not include them. */
export interface Assets {
  /** Bull Board's page: a folder that contains `dist`, as its package does. */
  readonly board: string;
  /** Swagger UI's page. */
  readonly documentation: string;
}

/** The assets as scripts/build.mjs copies them into `folder`. */
export function assetsIn(folder: string): Assets {
  return { board: path.join(folder, "board"), documentation: path.join(folder, "documentation") };
}

/** The assets in the `node_modules` of a checkout. */
export function installedAssets(): Assets {
  const { resolve } = createRequire(import.meta.url);
  const folderOf = (name: string) => path.dirname(resolve(`${name}/package.json`));
  return {
    board: folderOf("@bull-board/ui"),
    documentation: path.join(folderOf("@fastify/swagger-ui"), "static"),
  };
}
