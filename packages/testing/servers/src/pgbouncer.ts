import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startServer } from "./server-process.ts";
import { databaseUrl, freePort } from "./servers.ts";
import { withSql } from "./sql-client.ts";

export interface PgBouncer {
  /** The address of a database, through the pooler. */
  through(url: string): string;
  /** Replaces its connections to the server, as an operator does after a change of the role. */
  reconnect(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a private PgBouncer in transaction mode, in front of the server of a URL.
 *
 * @param poolSize connections to the server, for each database
 */
export async function startPgBouncer(options: {
  binary: string;
  serverUrl: string;
  poolSize: number;
}): Promise<PgBouncer> {
  const folder = await mkdtemp(path.join(tmpdir(), "payouts-pgbouncer-"));
  const file = path.join(folder, "pgbouncer.ini");
  const port = await freePort();
  await writeFile(file, configFile({ ...options, port }), { mode: 0o600 });
  const { stop } = await startServer(options.binary, ["--quiet", file], port);
  const through = (url: string) => {
    const pooled = new URL(url);
    pooled.host = `127.0.0.1:${port}`;
    return pooled.href;
  };
  return {
    through,
    reconnect: async () => {
      await withSql(databaseUrl(through(options.serverUrl), "pgbouncer"), (console) => console.unsafe("reconnect"));
    },
    stop: async () => {
      // SIGTERM waits for the clients from version 1.23 on.
      await stop("SIGQUIT");
      await rm(folder, { recursive: true });
    },
  };
}

/** Every client on the loopback interface is accepted without a password and connects to the server as the user of its URL. */
function configFile({ serverUrl, poolSize, port }: { serverUrl: string; poolSize: number; port: number }): string {
  const server = new URL(serverUrl);
  const lines = [
    "[databases]",
    `* = host=${server.hostname} port=${server.port} user=${server.username} password=${server.password}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = any",
    `admin_users = ${server.username}`,
    "pool_mode = transaction",
    `default_pool_size = ${poolSize}`,
    // PgBouncer refuses to run as root. It reads this file before it changes its user.
    ...(process.getuid?.() === 0 ? ["user = nobody"] : []),
  ];
  return `${lines.join("\n")}\n`;
}
