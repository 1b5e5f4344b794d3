import { eventually, latch, recordingLog } from "@cpa-payouts/testing-servers";
import { describe, expect, it } from "vitest";
import { reportSlowClosing } from "./shutdown.ts";

describe("shutdown that takes long", () => {
  it("a shutdown that waits for jobs says which ones; after a kill the log has the reason", async () => {
    const log = recordingLog();
    const jobs = Array.from({ length: 30 }, (_, index) => `invoice-1-${index}`);
    const ended = latch();
    const closing = reportSlowClosing(log, ended.opened, { waitingFor: "jobs", jobs: () => jobs }, 1);
    await eventually(() => log.of("shutdown.waiting").length > 0);
    ended.open();
    await closing;
    expect(log.of("shutdown.waiting")).toEqual([{ waitingFor: "jobs", count: 30, jobs: jobs.slice(0, 20) }]);
  });

  it("a shutdown in time says nothing, and passes on the error of a step", async () => {
    const log = recordingLog();
    const failing = Promise.reject(new Error("no connection"));
    await expect(reportSlowClosing(log, failing, { waitingFor: "connections" })).rejects.toThrow("no connection");
    expect(log.of("shutdown.waiting")).toEqual([]);
  });
});
