// turbo without its telemetry: nothing here reports to anybody.
process.env.TURBO_TELEMETRY_DISABLED = "1";
await import("turbo/bin/turbo");
