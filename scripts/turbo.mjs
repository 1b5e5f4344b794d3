// Runs turbo without its telemetry.
process.env.TURBO_TELEMETRY_DISABLED = "1";
await import("turbo/bin/turbo");
