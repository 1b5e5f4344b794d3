import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

declare module "vitest" {
  interface ProvidedContext {
    /** The server's maintenance database; tests get databases of their own, see `createScratchDatabase`. */
    postgresUrl: string;
    /** Null without a Redis binary. */
    redisUrl: string | null;
    /** For tests that need a Redis of their own to kill; null like `redisUrl`. */
    redisBinary: string | null;
    /** Null where there is none, which with CI=true fails the tests that need it. */
    pgbouncerBinary: string | null;
  }
}

export const TEMPLATE_DATABASE = "payouts_template";

export const repositoryRoot = fileURLToPath(new URL("../../../../", import.meta.url));

export const migrationsFolder = fileURLToPath(new URL("../../../../drizzle", import.meta.url));

/** The URL of another database on the same server. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** A port of the loopback interface that is free at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address && typeof address === "object") resolve(address.port);
        else reject(new Error("the server has no port"));
      });
    });
  });
}
