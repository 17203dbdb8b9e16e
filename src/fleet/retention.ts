import type { Redis } from 'ioredis';
import type { Deliveries } from '../blocking/deliveries.js';
import type { Retention } from '../config/schema.js';
import { pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import type { Registry } from '../queues/registry.js';
import type { Keys, ShardKeys } from '../redis/keys.js';
import { Routine } from './routine.js';

/** Queues that one step looks at. */
const CHUNK = 200;
/** A turn takes no longer; the next one goes on where it stopped. */
const TURN_MS = 2_000;
/** Between two steps Redis belongs to the others. */
const BREATH_MS = 3;

/** Removes what was dealt with and kept for long enough. The process that sweeps does it. */
export class RetentionRoutine extends Routine {
  readonly name = 'retention';
  protected readonly everyMs: number;
  private readonly redis: Redis;
  private readonly deliveries: Deliveries;
  private readonly registry: Registry;
  private readonly keys: Keys;
  private readonly worker: string;
  private readonly kept: Retention;
  /** What is still to be looked at in this round over all queues. */
  private rest: [ShardKeys, string[]][] = [];
  private ending = false;

  constructor(
    parts: { redis: Redis; deliveries: Deliveries; registry: Registry; keys: Keys },
    options: { everyMs: number; worker: string; kept: Retention },
    log: Log,
  ) {
    super(log);
    this.redis = parts.redis;
    this.deliveries = parts.deliveries;
    this.registry = parts.registry;
    this.keys = parts.keys;
    this.everyMs = options.everyMs;
    this.worker = options.worker;
    this.kept = options.kept;
  }

  override async stop(): Promise<void> {
    this.ending = true;
    await super.stop();
  }

  protected async turn(): Promise<void> {
    if ((await this.redis.get(this.keys.registry.sweeper)) !== this.worker) return;
    if (this.rest.length === 0) this.rest = await this.round();
    const end = performance.now() + TURN_MS;
    let removed = 0;
    for (let next = this.rest[0]; next && !this.over(end); next = this.rest[0]) {
      const [shard, queues] = next;
      const [gone, goOn] = await this.deliveries.forget(shard, this.kept, queues);
      removed += gone;
      if (goOn === 0) this.rest.shift();
      else next[1] = queues.slice(goOn - 1);
      if (gone > 0) await pause(BREATH_MS);
    }
    if (removed > 0) this.log.debug({ removed }, 'old items were removed');
  }

  private over(end: number): boolean {
    return this.ending || performance.now() > end;
  }

  /** Every queue, in portions; also a shard without one has its audit. */
  private async round(): Promise<[ShardKeys, string[]][]> {
    const all = await this.registry.everyQueueName();
    return this.keys.shards.flatMap((shard): [ShardKeys, string[]][] => {
      const here = all.filter((queue) => this.keys.shardOf(queue) === shard);
      const portions = Math.max(1, Math.ceil(here.length / CHUNK));
      return Array.from({ length: portions }, (_, n) => [
        shard,
        here.slice(n * CHUNK, (n + 1) * CHUNK),
      ]);
    });
  }
}
