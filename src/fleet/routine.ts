import { messageOf } from '../errors.js';
import { type Part, pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import { isOutage } from '../redis/outage.js';

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
  private told = '';

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

  /** An outage ends by itself; anything else may fail at every turn from now on, and is told once. */
  private tell(error: unknown): void {
    const message = messageOf(error);
    const known = isOutage(error) || message === this.told;
    this.log[known ? 'debug' : 'error']({ error: message }, `${this.name}: this turn failed`);
    if (!known) this.told = message;
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        await this.turn();
        this.turnedAt = performance.now();
        this.told = '';
      } catch (error) {
        this.tell(error);
      }
      await pause(this.everyMs, this.stopped.signal);
    }
  }
}
