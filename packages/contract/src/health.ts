import { z } from "zod";
import { operation } from "./operation.ts";

const readiness = z
  .object({
    status: z.enum(["ready", "not-ready"]),
    checks: z
      .array(z.object({ check: z.string(), state: z.enum(["ok", "failed", "unknown"]), line: z.string() }))
      .optional()
      .meta({ description: "only for viewers, and for tokens with the scope metrics:read" }),
  })
  .meta({ id: "Readiness" });

/** The operations for monitoring. Any host name is accepted, because probes know the server by its address. */
export const healthOperations = {
  readLiveness: operation({
    method: "GET",
    path: "/livez",
    summary: "Whether the process is alive; nothing else is checked",
    access: { role: "public", scope: null },
    isForMonitors: true,
    response: z.object({ status: z.literal("alive") }),
  }),
  readReadiness: operation({
    method: "GET",
    path: "/readyz",
    summary: "Whether everything is in place for the next payment date: 200 if so, 503 with the same body if not",
    access: { role: "public", scope: null },
    isForMonitors: true,
    response: readiness,
    unavailable: readiness,
  }),
  readMetrics: operation({
    method: "GET",
    path: "/metrics",
    summary: "Metrics for Prometheus",
    access: { role: "viewer", scope: "metrics:read" },
    isForMonitors: true,
    response: "text/plain",
  }),
};
