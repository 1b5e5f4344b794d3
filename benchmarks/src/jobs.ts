import { catalog, jobOptions } from "@cpa-payouts/jobs";
import { defaultPace } from "@cpa-payouts/pipeline";
import { Queue } from "bullmq";
import { Redis } from "ioredis";

/** The payment date of the measured runs. */
export const PAYMENT_DATE = { date: "2026-12-07", kind: "first-monday" } as const;

/** The invoices queue under a prefix, without the product's code around it. */
export interface BareQueue {
  readonly queue: Queue;
  readonly redis: Redis;
  /** Removes all jobs and closes the queue. */
  remove(): Promise<void>;
}

/** Opens the invoices queue under a prefix and waits for its connection. */
export async function openBareQueue(redisUrl: string, prefix: string): Promise<BareQueue> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue("invoices", { connection: redis, prefix: `{${prefix}}` });
  await queue.waitUntilReady();
  return {
    queue,
    redis,
    remove: async () => {
      await queue.obliterate({ force: true });
      await queue.close();
      redis.disconnect();
    },
  };
}

/** Adds the `create-invoice` jobs of the users with the ids 1 to `jobs`, page by page, as the product's fan-out does. */
export async function addInvoiceJobs(queue: Queue, runId: number, jobs: number): Promise<void> {
  const { fanOutPage } = defaultPace;
  for (let first = 1; first <= jobs; first += fanOutPage)
    await queue.addBulk(invoiceJobs(runId, first, Math.min(fanOutPage, jobs - first + 1)));
}

function invoiceJobs(runId: number, firstUserId: number, count: number) {
  return Array.from({ length: count }, (_, index) => {
    const data = { runId, userId: firstUserId + index };
    return { name: "create-invoice", data, opts: { ...jobOptions, jobId: catalog["create-invoice"].id(data) } };
  });
}
