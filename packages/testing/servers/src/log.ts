export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Fits the `Log` of core, which is not imported: this package is below all others. */
export interface RecordingLog extends Record<LogLine["level"], (fields: object, event: string) => void> {
  readonly lines: readonly LogLine[];
  /** The fields of every line of an event. */
  of(event: string): readonly Readonly<Record<string, unknown>>[];
}

/** A log that keeps its lines. */
export function recordingLog(): RecordingLog {
  const lines: LogLine[] = [];
  const at = (level: LogLine["level"]) => (fields: object, event: string) => {
    lines.push({ level, event, fields: { ...fields } });
  };
  return {
    lines,
    of: (event) => lines.filter((line) => line.event === event).map(({ fields }) => fields),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}
