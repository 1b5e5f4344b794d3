import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startEmbedded } from "@cpa-payouts/embedded-postgres";
import { type RedisServer, startRedis } from "@cpa-payouts/testing-servers";
import { findRedis } from "../../scripts/bootstrap/redis.mjs";
import { bundleContenders } from "./processes.ts";

/** The servers of one benchmark, on free ports of the loopback interface. */
export interface Servers {
  readonly postgresUrl: string;
  /** The bundled program of the contenders. */
  readonly contenders: string;
  /** Starts a separate Redis, so that its peak memory is that of one measurement. */
  startRedis(): Promise<RedisServer>;
  stop(): Promise<void>;
}

/**
 * As in production, every commit waits for the disk. Only the checkpoints are spaced as for a server with many writes; the
 * default `max_wal_size` of 1 GB would start one in the middle of every measurement.
 */
const POSTGRES_SETTINGS = { max_connections: "100", max_wal_size: "8GB", checkpoint_timeout: "30min" };

/**
 * Starts PostgreSQL; Redis servers start on request. `stop` ends all of them.
 *
 * @throws Error when there is no usable Redis program
 */
export async function startServers(): Promise<Servers> {
  const { file: binary, problem } = findRedis(process.env);
  if (!binary) throw new Error(problem ?? "no redis-server or valkey-server on the PATH");
  const postgres = await startPostgres();
  const { folder } = postgres;
  const contenders = await bundleContenders(folder);
  const started: RedisServer[] = [];
  return {
    contenders,
    postgresUrl: postgres.url,
    startRedis: async () => {
      const redis = await startRedis({ binary, folder });
      started.push(redis);
      return redis;
    },
    stop: async () => {
      await Promise.all(started.map((redis) => redis.stop()));
      await postgres.stop();
    },
  };
}

/** Starts PostgreSQL in a temporary folder, which `stop` removes. */
export async function startPostgres(): Promise<{ url: string; folder: string; stop(): Promise<void> }> {
  const folder = path.join(tmpdir(), `payouts-bench-${randomUUID()}`);
  await mkdir(folder, { mode: 0o755 });
  const postgres = await startEmbedded({ dataDir: path.join(folder, "pg"), settings: POSTGRES_SETTINGS });
  return {
    url: postgres.url,
    folder,
    stop: async () => {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
