/** Refused work: the queue is full, or the work has waited too long. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  /** When to try again, in whole seconds. */
  readonly waitSeconds: number;

  constructor(waitSeconds: number) {
    super(`too many people sign in at this moment; try again in ${waitSeconds} seconds`);
    this.waitSeconds = waitSeconds;
  }
}

/** Work of known people goes first: a flood of guesses must not hold them up. */
export type Urgency = "known" | "unknown";

/** Runs work that takes much CPU time, a bounded number at once. */
export interface WorkQueue {
  /**
   * @param person whose work it is, if that is known: a person has one piece of work done at a time, and few waiting, so that
   *   one person cannot keep the others out
   * @throws BusyError when the queue is full, or when the work could not begin in time; it is not done then
   */
  run<T>(work: () => Promise<T>, urgency: Urgency, person?: string): Promise<T>;
}

export interface WorkQueueLimits {
  /** How much work is done at the same time. */
  readonly concurrency: number;
  /** How much may wait, of known and of unknown people each. */
  readonly maxWaiting: number;
  /** How long work may wait before it begins, in milliseconds. */
  readonly maxWaitMs: number;
}

/** How much work of one person may wait. */
const MAX_WAITING_OF_PERSON = 5;

interface Waiting {
  readonly person: string | undefined;
  begin(): void;
}

/** Creates a queue. Its state is this object's, so each process, and each server in a test, has its own. */
export function createWorkQueue({ concurrency, maxWaiting, maxWaitMs }: WorkQueueLimits): WorkQueue {
  const lanes: Readonly<Record<Urgency, Set<Waiting>>> = { known: new Set(), unknown: new Set() };
  const served = new Set<string>();
  let running = 0;

  const mayBegin = (person: string | undefined) => person === undefined || !served.has(person);
  const begin = (person: string | undefined) => {
    running += 1;
    if (person !== undefined) served.add(person);
  };
  const end = (person: string | undefined) => {
    running -= 1;
    if (person !== undefined) served.delete(person);
    const next = [...lanes.known, ...lanes.unknown].find((waiting) => mayBegin(waiting.person));
    next?.begin();
  };
  const isFull = (lane: Set<Waiting>, person: string | undefined) => {
    if (lane.size >= maxWaiting) return true;
    if (person === undefined) return false;
    return [...lane].filter((waiting) => waiting.person === person).length >= MAX_WAITING_OF_PERSON;
  };
  const untilTurn = (lane: Set<Waiting>, person: string | undefined) =>
    new Promise<void>((resolve, reject) => {
      const waiting = {
        person,
        begin: () => {
          clearTimeout(timer);
          lane.delete(waiting);
          // At once, and not when the promise has settled: the slot and the person must not be given twice.
          begin(person);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        lane.delete(waiting);
        reject(busy(maxWaitMs));
      }, maxWaitMs);
      lane.add(waiting);
    });

  return {
    run: async (work, urgency, person) => {
      const lane = lanes[urgency];
      if (running < concurrency && mayBegin(person)) begin(person);
      else if (isFull(lane, person)) throw busy(maxWaitMs);
      else await untilTurn(lane, person);
      try {
        return await work();
      } finally {
        end(person);
      }
    },
  };
}

function busy(maxWaitMs: number): BusyError {
  return new BusyError(Math.max(1, Math.ceil(maxWaitMs / 1_000)));
}
