import { on } from "node:events";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { limitHeapGrowth } from "@cpa-payouts/runtime/heap";
import { type ContenderName, contenders, type Setting } from "./contenders.ts";

export type Order = { readonly start: ContenderName; readonly setting: Setting } | "usage" | "stop";
export interface Usage {
  readonly cpuMicros: number;
  readonly peakMegabytes: number;
}

/** The process of one contender: works until the order "stop", and reports its usage on request. */
async function obey(orders: AsyncIterable<[Order]>): Promise<void> {
  let worker: Pick<RunningWorker, "close"> | null = null;
  for await (const [order] of orders) {
    if (order === "stop") break;
    if (order === "usage") process.send?.(usage());
    else worker = await contenders[order.start](order.setting);
  }
  await worker?.close();
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  // maxRSS is in kilobytes.
  return { cpuMicros: user + system, peakMegabytes: process.resourceUsage().maxRSS / 1_024 };
}

// As the command line does.
limitHeapGrowth();
await obey(on(process, "message") as AsyncIterable<[Order]>);
process.disconnect?.();
