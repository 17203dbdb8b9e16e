import { Presets, SingleBar } from 'cli-progress';
import type { Io } from '../io.js';
import type { Output } from '../output.js';

export interface Progress {
  done(count: number): void;
  wait(error: Error, ms: number): void;
  /** Ends the bar; a remark stays on the screen. */
  stop(remark?: string): void;
}

/** A bar on a terminal; a line a tenth elsewhere; nothing for programs. All on stderr. */
export function progressOf(io: Io, output: Output, total: number): Progress {
  return io.stderr.isTTY && !output.json ? bar(io, output, total) : lines(output, total);
}

function bar(io: Io, output: Output, total: number): Progress {
  const format = '{bar} {value}/{total} · {eta_formatted} left {note}';
  const drawn = new SingleBar(
    { stream: io.stderr, format, hideCursor: true },
    Presets.shades_classic,
  );
  drawn.start(total, 0, { note: '' });
  return {
    done: (count) => drawn.update(count, { note: '' }),
    wait: (error, ms) => drawn.update({ note: waiting(error, ms) }),
    stop(remark) {
      drawn.stop();
      if (remark) output.note(remark);
    },
  };
}

function lines(output: Output, total: number): Progress {
  let told = 0;
  return {
    done(count) {
      const tenth = Math.floor((count / total) * 10);
      if (tenth > told) output.note(`${count} of ${total}`);
      told = tenth;
    },
    wait: (error, ms) => output.note(waiting(error, ms)),
    stop(remark) {
      if (remark) output.note(remark);
    },
  };
}

const waiting = (error: Error, ms: number): string =>
  `${error.message}; trying again in ${Math.ceil(ms / 1000)} s`;
