import { openBackend, type QueueName, queueNames, type RunningWorker } from "@cpa-payouts/jobs";
import type { Pace } from "@cpa-payouts/pipeline";
import { createLogger, type OpenContext, openContext, readConfig } from "@cpa-payouts/runtime";
import { startWorkers } from "@cpa-payouts/worker";
import type { Job } from "bullmq";
import { payInTransaction } from "./one-transaction.ts";

/** The servers and settings of a contender, given by the process that starts it. */
export interface Setting {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly databaseUrl: string;
  readonly concurrency: number;
  readonly pace: Partial<Pace>;
}

/** A worker as the benchmark needs it. */
export type Closable = Pick<RunningWorker, "close">;

/** Starts to work on the jobs of the invoices queue. */
type Contender = (setting: Setting) => Promise<Closable>;

/** As many concurrent statements as the product's own pool allows. */
const CONNECTIONS = 10;

/** Does nothing: the cost of BullMQ, Redis and the network. */
const noop: Contender = (setting) => plainWorker(setting, async () => {});

/** One client transaction per job, as most people would write it with Drizzle. */
const oneTransaction: Contender = async (setting) => {
  const { pay, close } = payInTransaction(setting.databaseUrl, CONNECTIONS);
  const worker = await plainWorker(setting, (job) => pay(job.data));
  return {
    close: async () => {
      await worker.close();
      await close();
    },
  };
};

/** The product's worker, on the invoices queue only. */
const product: Contender = (setting) => productOn(setting, ["invoices"]);

/** The product's worker, with all steps of the flow. */
const wholeProduct: Contender = (setting) => productOn(setting, queueNames);

async function productOn(setting: Setting, queues: readonly QueueName[]): Promise<Closable> {
  const { ctx, backend, close } = await openProduct(setting);
  const workers = await startWorkers(ctx, backend, { concurrency: setting.concurrency, queues });
  return {
    close: async () => {
      await workers.close();
      await close();
    },
  };
}

export const contenders = { noop, oneTransaction, product, wholeProduct };
export type ContenderName = keyof typeof contenders;

/** BullMQ's worker with the product's connection and options, but without the product's code around the handler. */
async function plainWorker(setting: Setting, work: (job: Job) => Promise<unknown>): Promise<Closable> {
  const { redisUrl: url, prefix, concurrency } = setting;
  const backend = openBackend({ kind: "redis", url, prefix });
  const worker = backend.worker("invoices", work, { concurrency });
  await worker.waitUntilReady();
  return {
    close: async () => {
      await worker.close();
      await backend.close();
    },
  };
}

/** The product's context on a database and a Redis, as its worker process opens it. */
export function openProduct(setting: Omit<Setting, "concurrency">): Promise<OpenContext> {
  const { databaseUrl, redisUrl, prefix, pace } = setting;
  const clock = () => new Date();
  const config = readConfig({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, QUEUE_PREFIX: prefix }, clock());
  const log = createLogger({ level: "info", file: "/dev/null", isTerminal: false });
  return openContext({ config, databaseUrl, clock, log, pace });
}
