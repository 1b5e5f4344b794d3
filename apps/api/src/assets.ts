import { createRequire } from "node:module";
import path from "node:path";

/** Folders with the pages of libraries: files that are read at run time and no bundler takes along. */
export interface Assets {
  /** Bull Board's page, with `dist` inside, as in its package. */
  readonly board: string;
  /** Swagger UI's page. */
  readonly documentation: string;
}

/** Where scripts/build.mjs puts them. */
export function assetsIn(folder: string): Assets {
  return { board: path.join(folder, "board"), documentation: path.join(folder, "documentation") };
}

/** Where they are in a checkout with its node_modules. */
export function installedAssets(): Assets {
  const { resolve } = createRequire(import.meta.url);
  const folderOf = (name: string) => path.dirname(resolve(`${name}/package.json`));
  return {
    board: folderOf("@bull-board/ui"),
    documentation: path.join(folderOf("@fastify/swagger-ui"), "static"),
  };
}
