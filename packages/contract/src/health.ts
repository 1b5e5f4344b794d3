import { z } from "zod";
import { operation } from "./operation.ts";

const readiness = z
  .object({
    status: z.enum(["ready", "not-ready"]),
    checks: z
      .array(z.object({ check: z.string(), state: z.enum(["ok", "failed", "unknown"]), line: z.string() }))
      .optional()
      .meta({ description: "for viewers, and tokens with the scope metrics:read" }),
  })
  .meta({ id: "Readiness" });

/** What monitors watch. Machines ask for it under whatever name or address they know this server by. */
export const healthOperations = {
  readLiveness: operation({
    method: "GET",
    path: "/livez",
    summary: "Whether the process is alive; it looks at nothing else",
    access: { role: "public", scope: null },
    isForMonitors: true,
    answer: z.object({ status: z.literal("alive") }),
  }),
  readReadiness: operation({
    method: "GET",
    path: "/readyz",
    summary: "Whether everything is in place for the next payment date: 200 if so, 503 with the same body if not",
    access: { role: "public", scope: null },
    isForMonitors: true,
    answer: readiness,
    unavailable: readiness,
  }),
  readMetrics: operation({
    method: "GET",
    path: "/metrics",
    summary: "Figures for Prometheus",
    access: { role: "viewer", scope: "metrics:read" },
    isForMonitors: true,
    answer: "text/plain",
  }),
};
