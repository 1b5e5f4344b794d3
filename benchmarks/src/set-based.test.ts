import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDecidedNetwork, type DecidedNetwork } from "./network.ts";
import { cpuMicrosOf, payWithoutQueue, type SetBasedLap } from "./set-based.ts";

const USERS = 120;
/** A decision, an invoice, a ledger entry and an audit row, a changed user and their index entries are never smaller. */
const LEAST_WAL_BYTES = 500;
const isLinux = process.platform === "linux";

let network: DecidedNetwork;
let name: string;

beforeAll(async () => {
  name = `bench_${randomBytes(6).toString("hex")}`;
  network = await createDecidedNetwork(inject("postgresUrl"), name, USERS);
});

afterAll(() => network?.template.drop());

function pay(users: number, usersPerStatement: number): Promise<SetBasedLap> {
  return payWithoutQueue(network, { users, usersPerStatement }, `${name}_lap`);
}

describe("a lap without a queue", () => {
  it("measures rate, CPU time and WAL per invoice, each time on users who were not paid", async () => {
    for (const lap of [await pay(USERS, 50), await pay(USERS, USERS)]) {
      expect(lap.invoicesPerSecond).toBeGreaterThan(0);
      expect(lap.walBytes).toBeGreaterThan(LEAST_WAL_BYTES);
      if (isLinux) expect(lap.cpuMicros).toBeGreaterThan(0);
      else expect(lap.cpuMicros).toBeNaN();
    }
  });

  it("fails rather than counting users who were not invoiced", async () => {
    await expect(pay(USERS + 1, 50)).rejects.toThrow("20 of 21 users were invoiced");
  });
});

describe("the CPU time of a process", () => {
  it.runIf(isLinux)("grows by what the process computes, in microseconds", async () => {
    const before = await cpuMicrosOf(process.pid);
    const start = performance.now();
    const { user, system } = process.cpuUsage();
    const used = () => process.cpuUsage().user + process.cpuUsage().system - user - system;
    while (used() < 100_000);
    const elapsedMicros = (performance.now() - start) * 1_000;
    const grown = (await cpuMicrosOf(process.pid)) - before;
    expect(grown).toBeGreaterThan(10_000);
    expect(grown).toBeLessThan(2 * elapsedMicros + 100_000);
  });

  it("is not a number where the system does not tell it", async () => {
    expect(await cpuMicrosOf(0)).toBeNaN();
  });
});
