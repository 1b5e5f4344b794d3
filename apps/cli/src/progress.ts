import type { Writable } from "node:stream";
import { Presets, SingleBar } from "cli-progress";

/** Shows progress on stderr: a bar on a terminal; elsewhere a line every ten seconds and at the end of a phase. */
export interface Progress {
  /** Shows `done` of `total` for a phase. The first call for another phase marks the previous one as complete. */
  show(phase: string, done: number, total: number): void;
  /** Ends the display, so that the next output starts on a line of its own. */
  stop(): void;
}

const QUIET_INTERVAL_MS = 10_000;

/** Creates the progress display for `stderr`. */
export function createProgress(stderr: Writable & { isTTY?: boolean }): Progress {
  return stderr.isTTY ? barProgress(stderr) : quietProgress(stderr);
}

function barProgress(stderr: Writable): Progress {
  let bar: SingleBar | null = null;
  let phase = "";
  const start = (next: string, done: number, total: number) => {
    bar?.update(bar.getTotal());
    bar?.stop();
    phase = next;
    bar = new SingleBar(
      {
        stream: stderr as NodeJS.WriteStream,
        format: " {phase} {bar} {percentage}% · {value}/{total}",
        hideCursor: true,
      },
      Presets.shades_classic,
    );
    bar.start(total, done, { phase: phase.padEnd(18) });
  };
  return {
    show: (next, done, total) => {
      if (!bar || next !== phase) start(next, done, total);
      bar?.setTotal(total);
      bar?.update(done);
    },
    stop: () => {
      bar?.stop();
      bar = null;
    },
  };
}

function quietProgress(stderr: Writable): Progress {
  let phase = "";
  let line = "";
  let lastTotal = 0;
  let lastWritten = "";
  let lastTime = 0;
  const write = () => {
    if (line === lastWritten) return;
    stderr.write(`${line}\n`);
    lastWritten = line;
    lastTime = performance.now();
  };
  return {
    show: (next, done, total) => {
      const isFirst = next !== phase;
      if (isFirst && phase !== "") {
        line = `${phase}: ${lastTotal} of ${lastTotal}`;
        write();
      }
      phase = next;
      lastTotal = total;
      line = `${next}: ${done} of ${total}`;
      if (isFirst) lastTime = performance.now();
      else if (performance.now() - lastTime >= QUIET_INTERVAL_MS) write();
    },
    stop: () => {
      write();
      phase = "";
      line = lastWritten;
    },
  };
}
