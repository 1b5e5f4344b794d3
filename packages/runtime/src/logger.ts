import type { LogLevel } from "@cpa-payouts/core";
import { pino } from "pino";
import pretty from "pino-pretty";

export type Logger = ReturnType<typeof createLogger>;

const STDERR = 2;

/**
 * Creates a logger that writes JSON lines to stderr or a file, and readable lines to a terminal. It never writes to
 * stdout, which is for data. Events carry ids only; the redacted keys are a second safeguard.
 */
export function createLogger(options: { level: LogLevel; file?: string | null; isTerminal: boolean }) {
  const { level, file, isTerminal } = options;
  const settings = {
    level,
    messageKey: "event",
    base: { pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: ["email", "name", "binanceEmail", "destination", "password", "url", "*.email", "*.password", "*.url"],
  };
  if (file) return pino(settings, pino.destination({ dest: file, mkdir: true, sync: false }));
  if (isTerminal)
    return pino(
      settings,
      pretty({ destination: STDERR, messageKey: "event", ignore: "pid", singleLine: true, sync: true }),
    );
  return pino(settings, pino.destination({ dest: STDERR, sync: true }));
}
