import type {
  AppControllerRoute,
  BullBoardQueues,
  BullBoardRequest,
  ControllerHandlerReturnType,
} from "@bull-board/api/typings/app";
import { recordAction } from "@cpa-payouts/db";
import { isTooLate } from "@cpa-payouts/jobs";
import type { FastifyRequest } from "fastify";
import { orderOf } from "../access/callers.ts";
import type { Api } from "../api.ts";
import { ApiProblem, conflict, notFound } from "../problems.ts";

type Params = Readonly<Record<string, string>>;
type Handle = AppControllerRoute["handler"];

interface Action {
  /** Its name in the audit log. */
  readonly name: string;
  /** What it changes, for the audit log. */
  readonly object: (params: Params) => string;
  /** @throws ApiProblem when it is not for the board, or not to be done as things stand */
  readonly check: (queues: BullBoardQueues, params: Params) => Promise<void>;
}

const objectOfJob = ({ queueName, jobId }: Params) => `job:${queueName}/${jobId}`;

/**
 * What an operator may change through the board, by method and route of Bull Board. Whatever is not listed is refused to
 * everybody, also what a later version brings along: the queue holds no money, but emptying it or adding jobs to it delays
 * payments, and nothing of it is needed to mend anything.
 */
export const actions: Readonly<Record<string, Action>> = {
  "PUT /api/queues/:queueName/:jobId/retry": {
    name: "job.retry",
    object: objectOfJob,
    check: async (queues, params) => {
      await jobInState("failed", queues, params);
    },
  },
  "PUT /api/queues/:queueName/retry/:queueStatus": {
    name: "jobs.retry",
    object: ({ queueName }) => `queue:${queueName}`,
    check: async (queues, { queueName = "", queueStatus }) => {
      if (!queues.has(queueName)) throw notFound(`queue ${queueName}`);
      if (queueStatus !== "failed") throw refusal();
    },
  },
  "PUT /api/queues/:queueName/:jobId/promote": {
    name: "job.promote",
    object: objectOfJob,
    check: async (queues, params) => {
      const { repeatJobKey } = await jobInState("delayed", queues, params);
      // That would run the schedule early, which is not for the board; "payouts run" does what it is wanted for.
      if (repeatJobKey) throw refusal();
    },
  },
};

/** What to answer to a change that nobody makes through the board, whatever their role. */
export function refusal(): ApiProblem {
  return new ApiProblem(403, "forbidden", "the board retries failed jobs and promotes delayed ones, nothing else");
}

async function jobInState(wanted: string, queues: BullBoardQueues, { queueName = "", jobId = "" }: Params) {
  const job = await queues.get(queueName)?.getJob(jobId);
  if (!job) throw notFound(`job ${jobId} in the queue ${queueName}; finished jobs are kept for a while only`);
  const state = await job.getState();
  if (state !== wanted) throw conflict(`the job ${jobId} is ${state}, not ${wanted}`, { state });
  return job;
}

/**
 * Lets Bull Board do something, between two rows of the audit log. Queue and audit log do not commit together, so one row
 * says before that it was ordered and another one after that it was done: whatever happens in between, no change is
 * without a row, and no row claims a change that was not made. Both carry the request's id.
 *
 * @throws ApiProblem when it is not for the board, or was not to be done any more
 */
export async function act(
  { ctx }: Api,
  action: Action,
  handle: Handle,
  { from, request }: { from: FastifyRequest; request: BullBoardRequest },
): Promise<ControllerHandlerReturnType> {
  await action.check(request.queues, request.params);
  const order = { ...orderOf(from.caller, from), object: action.object(request.params) };
  const record = (name: string) => recordAction(ctx.db, { ...order, action: name, now: ctx.clock() });
  await record(`${action.name}-requested`);
  const answer = await unlessTooLate(handle, request);
  if (answer === null) throw conflict("somebody else was faster; look again at how it stands", {});
  await record(action.name);
  return answer;
}

/** What Bull Board answers; null when things are not as they were checked a moment ago, as it says or BullMQ does. */
async function unlessTooLate(handle: Handle, request: BullBoardRequest): Promise<ControllerHandlerReturnType | null> {
  try {
    const answer = await handle(request);
    return (answer.status ?? 200) < 400 ? answer : null;
  } catch (cause) {
    if (isTooLate(cause)) return null;
    throw cause;
  }
}
