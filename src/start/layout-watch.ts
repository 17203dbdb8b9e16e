import type { Redis } from 'ioredis';
import { messageOf } from '../errors.js';
import { type Part, pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import type { Keys } from '../redis/keys.js';
import { problemWith, readLayout } from '../redis/layout.js';

const EVERY_MS = 2_000;

/**
 * Ends a process when a newer Andon has taken its data over. Its scripts are refused from the first moment on;
 * this makes it say so, and go.
 */
export class LayoutWatch implements Part {
  readonly name = 'layout watch';
  private readonly redis: Redis;
  private readonly keys: Keys;
  private readonly giveUp: (why: string) => void;
  private readonly log: Log;
  private readonly stopped = new AbortController();
  private loop: Promise<void> | null = null;
  private told = '';

  constructor(redis: Redis, keys: Keys, giveUp: (why: string) => void, log: Log) {
    this.redis = redis;
    this.keys = keys;
    this.giveUp = giveUp;
    this.log = log;
  }

  /** Why nothing is done now; null when that is as it should be. */
  standstill(): string | null {
    return this.told || null;
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
      await this.look().catch((error) =>
        this.log.debug({ error: messageOf(error) }, 'layout watch: Redis is away, trying again'),
      );
      await pause(EVERY_MS, this.stopped.signal);
    }
  }

  private async look(): Promise<void> {
    const problem = problemWith(await readLayout(this.redis, this.keys));
    if (problem && problem.message !== this.told) this.log.error({}, problem.message);
    this.told = problem?.message ?? '';
    if (problem && problem.kind !== 'moving') this.giveUp(problem.message);
  }
}
