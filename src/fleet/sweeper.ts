import type { Redis } from 'ioredis';
import type { Deliveries } from '../blocking/deliveries.js';
import type { Log } from '../log.js';
import type { Registry } from '../queues/registry.js';
import { type Keys, PARALLEL, type ShardKeys } from '../redis/keys.js';
import type { Meter } from './meter.js';
import { Routine } from './routine.js';

const CHUNK = 500;

/**
 * Finds work that nobody announced: items of plain BullMQ producers, and whatever a lost event or a
 * hand in Redis left behind. One process in the fleet does it at a time, by a lease.
 */
export class Sweeper extends Routine {
  readonly name = 'sweeper';
  protected readonly everyMs: number;
  private readonly redis: Redis;
  private readonly deliveries: Deliveries;
  private readonly registry: Registry;
  private readonly keys: Keys;
  private readonly worker: string;
  private readonly meter: Meter;

  constructor(
    parts: { redis: Redis; deliveries: Deliveries; registry: Registry; keys: Keys },
    options: { everyMs: number; worker: string },
    meter: Meter,
    log: Log,
  ) {
    super(log);
    this.meter = meter;
    this.redis = parts.redis;
    this.deliveries = parts.deliveries;
    this.registry = parts.registry;
    this.keys = parts.keys;
    this.everyMs = options.everyMs;
    this.worker = options.worker;
  }

  protected async turn(): Promise<void> {
    if (!(await this.leads())) return;
    const queues = [PARALLEL, ...(await this.registry.queueNames())];
    for (const shard of this.keys.shards) {
      const here = queues.filter((queue) => this.keys.shardOf(queue) === shard);
      for (let at = 0; at < here.length; at += CHUNK) {
        const found = await this.deliveries.sweep(shard, here.slice(at, at + CHUNK));
        this.meter.swept(found);
        if (found > 0) this.log.info({ found }, 'queues had work nobody announced');
      }
      await this.enroll(shard);
    }
  }

  /** An older Andon, which may run beside us, keeps no list of ids. */
  private async enroll(shard: ShardKeys): Promise<void> {
    const lacking = await this.deliveries.enroll(shard, []);
    if (lacking === 0) return;
    const scan = { count: CHUNK };
    const stream =
      lacking > 0
        ? this.redis.hscanStream(this.keys.ours(shard, 'items'), scan)
        : this.redis.zscanStream(this.keys.ours(shard, 'ids'), scan);
    for await (const pairs of stream as AsyncIterable<string[]>)
      await this.deliveries.enroll(
        shard,
        pairs.filter((_, n) => n % 2 === 0),
      );
    this.log.info({ lacking }, 'the list of all ids was put right');
  }

  /** The lease outlasts two turns: when its holder dies, another sweeps soon after. */
  private async leads(): Promise<boolean> {
    const key = this.keys.registry.sweeper;
    const lease = this.everyMs * 2 + 1_000;
    if ((await this.redis.set(key, this.worker, 'PX', lease, 'NX')) === 'OK') return true;
    if ((await this.redis.get(key)) !== this.worker) return false;
    await this.redis.pexpire(key, lease);
    return true;
  }
}
