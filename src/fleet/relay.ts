import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Outbox } from '../queues/outbox.js';
import type { Keys } from '../redis/keys.js';
import { Routine } from './routine.js';

/** Brings what items have caused into its queues: at once here, and whatever dead workers left behind. Every worker does it. */
export class Relay extends Routine {
  readonly name = 'relay';
  protected readonly everyMs: number;
  private readonly outbox: Outbox;
  private readonly keys: Keys;
  private moving: Promise<void> | null = null;
  private again = false;

  constructor(outbox: Outbox, keys: Keys, options: { everyMs: number }, log: Log) {
    super(log);
    this.outbox = outbox;
    this.keys = keys;
    this.everyMs = options.everyMs;
  }

  /** Something was caused just now. Does not wait, and never throws. */
  soon(): void {
    this.again = true;
    this.moving ??= this.move()
      .catch((error) => this.log.debug({ error: messageOf(error) }, 'relay: tried again soon'))
      .finally(() => {
        this.moving = null;
      });
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.moving;
  }

  protected async turn(): Promise<void> {
    if (this.moving) await this.moving;
    else await this.moveAll();
  }

  private async move(): Promise<void> {
    while (this.again) {
      this.again = false;
      await this.moveAll();
    }
  }

  /** What cannot be moved now is tried again with the next turn, and holds up no other shard. */
  private async moveAll(): Promise<void> {
    const problems: unknown[] = [];
    for (const shard of this.keys.shards)
      await this.outbox.empty(shard).catch((error) => problems.push(error));
    if (problems.length > 0) throw problems[0];
  }
}
