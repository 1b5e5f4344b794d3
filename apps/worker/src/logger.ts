import { pino } from "pino";
import pretty from "pino-pretty";
import type { LogLevel } from "./env.ts";

export type Logger = ReturnType<typeof createLogger>;

const STDERR = 2;

/**
 * JSON lines on stderr or in a file; on a terminal, lines for people. Data belongs on stdout, so logs never go there.
 * Events carry ids only; the list of redacted keys is the second line of defence.
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
