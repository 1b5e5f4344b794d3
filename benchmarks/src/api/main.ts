import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { hashToken } from "@cpa-payouts/access";
import { type Client, createClient, scopes } from "@cpa-payouts/contract";
import { connect, insertApiToken } from "@cpa-payouts/db";
import { migrateQueue } from "@cpa-payouts/jobs";
import { migrationsFolder } from "@cpa-payouts/testing-servers";
import { startPostgres } from "../servers.ts";
import { readOwnSizes } from "../sizes.ts";
import { atMost, isReached, lineOf } from "../targets.ts";
import type { ApiReport, ApiStart } from "./child.ts";
import { createHistory } from "./network.ts";
import { type Question, questionsOf, type Random } from "./questions.ts";

/** The limit of the server's time for a request, at the 95th percentile. */
const LIMIT_MS = 40;
/** Clients that send requests without a pause: two, for a machine of two cores, which PostgreSQL uses as well. */
const AT_A_TIME = 2;
const TOKEN = "payouts_bench";
const LINE_FEED = 10;
const MEGABYTE = 1_048_576;

const { users, requests } = readOwnSizes("bench:api", {
  users: { usual: 200_000, most: 2_000_000 },
  requests: { usual: 200, most: 10_000 },
});

interface Answer {
  readonly name: string;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

const postgres = await startPostgres();
try {
  const database = await createHistory(postgres.url, users, (date, seconds) =>
    say(`run of ${date}: users paid and invoices reviewed in ${seconds.toFixed(1)} s`),
  );
  await migrateQueue(database.url);
  await addToken(database.url);
  await measure({ databaseUrl: database.url, migrationsFolder });
} finally {
  await postgres.stop();
}

async function addToken(url: string): Promise<void> {
  const { db, close } = connect({ url, max: 1 });
  const now = new Date();
  const expiresAt = new Date(now.getTime() + 86_400_000);
  await insertApiToken(db, { actor: "bench", name: "bench", tokenHash: hashToken(TOKEN), scopes, expiresAt, now });
  await close();
}

async function measure(start: ApiStart): Promise<void> {
  const child = fork(fileURLToPath(new URL("./child.ts", import.meta.url)), { execArgv: ["--import", "tsx"] });
  const ended = once(child, "exit");
  const report = async <T extends ApiReport>() => ((await once(child, "message")) as [T])[0];
  child.send(start);
  const { url } = await report<Extract<ApiReport, { url: string }>>();
  const megabytes = async () => {
    child.send("memory");
    return (await report<Extract<ApiReport, { megabytes: number }>>()).megabytes;
  };
  const answers = await askAll(url);
  printAnswers(answers);
  await exportAll(url, megabytes);
  child.disconnect();
  await ended;
}

async function askAll(url: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const question of questionsOf(users)) {
    // The first requests are not counted: they load code and database pages.
    await askMany(url, question, 10);
    const times = (await askMany(url, question, requests)).sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
    answers.push({ name: question.name, p50: at(0.5), p95: at(0.95), max: at(1) });
  }
  return answers;
}

/** @returns the server's time for each request, in milliseconds */
async function askMany(url: string, question: Question, count: number): Promise<number[]> {
  const times: number[] = [];
  const client = timedClient(url, (ms) => times.push(ms));
  const random: Random = (to) => 1 + Math.floor(Math.random() * to);
  let left = count;
  const person = async () => {
    while (left-- > 0) await question.ask(client, random);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, person));
  return times;
}

function timedClient(baseUrl: string, onTime: (ms: number) => void): Client {
  return createClient({
    baseUrl,
    headers: { authorization: `Bearer ${TOKEN}` },
    fetch: async (target, init) => {
      const response = await fetch(target, init);
      const [, ms] = /dur=([\d.]+)/.exec(response.headers.get("server-timing") ?? "") ?? [];
      if (ms === undefined) throw new Error(`${target} sent no duration in Server-Timing`);
      onTime(Number(ms));
      return response;
    },
  });
}

function printAnswers(answers: readonly Answer[]): void {
  console.log("| question | p50 ms | p95 ms | max ms |\n| --- | ---: | ---: | ---: |");
  for (const { name, p50, p95, max } of answers)
    console.log(
      `| ${name} | ${p50.toFixed(1)} | ${p95.toFixed(1)}${p95 > LIMIT_MS ? " (!)" : ""} | ${max.toFixed(1)} |`,
    );
  const slow = answers.filter(({ p95 }) => p95 > LIMIT_MS);
  console.log(`\n${answers.length - slow.length} of ${answers.length} within ${LIMIT_MS} ms at the 95th percentile`);
  const slowest = answers.reduce((worst, answer) => (answer.p95 > worst.p95 ? answer : worst));
  const target = atMost("slowest list, search or figure, p95 ms", LIMIT_MS, slowest.p95, slowest.name);
  console.log(`\nTargets\n${lineOf(target)}\n`);
  if (!isReached(target)) process.exitCode = 1;
}

/** Reads the CSV of all invoices and samples the server's memory at every megabyte: it must not grow with the rows. */
async function exportAll(url: string, megabytes: () => Promise<number>): Promise<void> {
  const samples = [await megabytes()];
  const start = performance.now();
  const response = await fetch(`${url}/api/v1/invoices.csv`, { headers: { authorization: `Bearer ${TOKEN}` } });
  let [rows, bytes] = [-1, 0];
  for await (const chunk of response.body ?? []) {
    for (const byte of chunk as Uint8Array) if (byte === LINE_FEED) rows++;
    bytes += chunk.length;
    if (bytes > samples.length * MEGABYTE) samples.push(await megabytes());
  }
  const seconds = (performance.now() - start) / 1_000;
  const highest = (from: number, to: number) =>
    Math.max(...samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to))).toFixed(0);
  console.log(
    `CSV: ${rows} rows, ${(bytes / MEGABYTE).toFixed(0)} MB in ${seconds.toFixed(1)} s; the process had ${highest(0, 1 / samples.length)} MB before, at most ${highest(0, 0.25)} MB in the first quarter, ${highest(0.25, 0.5)}, ${highest(0.5, 0.75)} and ${highest(0.75, 1)} MB in the others`,
  );
}

function say(line: string): void {
  console.error(`bench: ${line}`);
}
