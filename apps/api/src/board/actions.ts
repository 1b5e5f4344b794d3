import type {
  AppControllerRoute,
  BullBoardQueues,
  BullBoardRequest,
  ControllerHandlerReturnType,
} from "@bull-board/api/typings/app";
import { isTooLate } from "@cpa-payouts/jobs";
import { recordAction } from "@cpa-payouts/pipeline";
import type { FastifyRequest } from "fastify";
import { auditContextOf } from "../access/callers.ts";
import type { Api } from "../api.ts";
import { ApiProblem, conflict, notFound } from "../problems.ts";

type Params = Readonly<Record<string, string>>;
type Handle = AppControllerRoute["handler"];

interface Action {
  /** Its name in the audit log. */
  readonly name: string;
  /** The changed object, for the audit log. */
  readonly object: (params: Params) => string;
  /** @throws ApiProblem when the board may not do this, or the present state does not allow it */
  readonly check: (queues: BullBoardQueues, params: Params) => Promise<void>;
}

const objectOfJob = ({ queueName, jobId }: Params) => `job:${queueName}/${jobId}`;

/**
 * The changes that an operator may make through the board, by method and route of Bull Board. Every other change is
 * refused to every role, including those that a later version of Bull Board adds. The queue holds no money, but emptying
 * it or adding jobs to it delays payments, and no repair needs that.
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
      // Promoting the job of a scheduler would run the schedule early; "payouts run" is the way to run a date now.
      if (repeatJobKey) throw refusal();
    },
  },
};

/** The 403 for a change that no role may make through the board. */
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
 * Lets Bull Board make a change, between two rows of the audit log. Queue and audit log do not commit together: the first
 * row says that the change was requested, the second that it was made. Even if the process dies in between, every
 * change has a row and no row claims a change that was not made. Both rows carry the request's id.
 *
 * @throws ApiProblem when the board may not do this, or the state has changed since it was checked
 */
export async function act(
  { ctx }: Api,
  action: Action,
  handle: Handle,
  { from, request }: { from: FastifyRequest; request: BullBoardRequest },
): Promise<ControllerHandlerReturnType> {
  await action.check(request.queues, request.params);
  const audit = { ...auditContextOf(from.caller, from), object: action.object(request.params) };
  const record = (name: string) => recordAction(ctx, { ...audit, action: name });
  await record(`${action.name}-requested`);
  const response = await unlessTooLate(handle, request);
  if (response === null) throw conflict("the state of the queue has changed in the meantime; reload the page", {});
  await record(action.name);
  return response;
}

/** Bull Board's response; null when Bull Board or BullMQ reports that the state has changed since it was checked. */
async function unlessTooLate(handle: Handle, request: BullBoardRequest): Promise<ControllerHandlerReturnType | null> {
  try {
    const response = await handle(request);
    return (response.status ?? 200) < 400 ? response : null;
  } catch (cause) {
    if (isTooLate(cause)) return null;
    throw cause;
  }
}
