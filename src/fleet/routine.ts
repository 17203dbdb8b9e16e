import { messageOf } from '../errors.js';
import { type Part, pause } from '../lifecycle.js';
import type { Log } from '../log.js';

/**
 * Work that comes round again and again: one turn at a time, `everyMs` apart. A turn that throws is
 * logged and the next one comes as usual.
 */
export abstract class Routine implements Part {
  abstract readonly name: string;
  protected abstract readonly everyMs: number;
  protected readonly log: Log;
  private readonly stopped = new AbortController();
  private loop: Promise<void> | null = null;
  private turnedAt = performance.now();

  constructor(log: Log) {
    this.log = log;
  }

  protected abstract turn(): Promise<void>;

  /** Milliseconds since a turn last ended well. */
  get silenceMs(): number {
    return performance.now() - this.turnedAt;
  }

  async start(): Promise<void> {
    this.loop ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        await this.turn();
        this.turnedAt = performance.now();
      } catch (error) {
        this.log.debug({ error: messageOf(error) }, `${this.name}: this turn failed`);
      }
      await pause(this.everyMs, this.stopped.signal);
    }
  }
}
