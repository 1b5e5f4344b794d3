import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { eventually, type RedisServer, startRedis } from "@cpa-payouts/testing-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { gatherWrites } from "./gather-writes.ts";

const COMMANDS = 1_000;
/** Redis reads 16 KB at a time; the commands below have about 30 KB. */
const FEW_READS = 20;
const binary = inject("redisBinary");

describe.skipIf(binary === null)("gathered writes", () => {
  const folder = path.join(tmpdir(), `payouts-redis-${randomUUID()}`);
  let server: RedisServer;
  let connection: Redis;

  beforeAll(async () => {
    server = await startRedis({ binary: binary ?? "", folder });
    connection = new Redis(server.url, { maxRetriesPerRequest: null });
    connection.on("error", () => {});
    gatherWrites(connection);
  });
  afterAll(async () => {
    connection.disconnect();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  /** How often Redis has read from its clients. */
  const reads = async () => Number(/total_reads_processed:(\d+)/.exec(await connection.info("stats"))?.[1]);
  const count = (key: string) => Promise.all(Array.from({ length: COMMANDS }, () => connection.incr(key)));
  const inOrder = Array.from({ length: COMMANDS }, (_, index) => index + 1);

  it("Redis commands of one turn of the event loop are sent in few writes and answered in order", async () => {
    const before = await reads();
    expect(await count("first")).toEqual(inOrder);
    expect((await reads()) - before).toBeLessThan(FEW_READS);
  });

  it("Redis commands are still sent in few writes after a reconnect", async () => {
    const id = await connection.client("ID");
    const killer = new Redis(server.url);
    await killer.client("KILL", "ID", id);
    killer.disconnect();
    await eventually(async () => (await connection.client("ID")) !== id);
    const before = await reads();
    expect(await count("second")).toEqual(inOrder);
    expect((await reads()) - before).toBeLessThan(FEW_READS);
  });

  it("a Redis command is sent even after a turn of the event loop without commands", async () => {
    expect(await connection.incr("third")).toBe(1);
    await new Promise(setImmediate);
    expect(await connection.incr("third")).toBe(2);
  });
});
