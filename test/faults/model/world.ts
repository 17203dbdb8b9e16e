import type { Queue } from 'bullmq';
import { type Claimed, Deliveries } from '../../../src/blocking/deliveries.js';
import type { Accepted } from '../../../src/queues/enqueue.js';
import { Outbox } from '../../../src/queues/outbox.js';
import { stockQueue } from '../../support/bullmq.js';
import { failure, Line } from '../../support/line.js';
import type { TestRedis } from '../../support/redis.js';
import { KEEP, type Order, QUEUES, type QueueName, type Scope, type Verb } from './model.js';
import { Witness } from './witness.js';

const AN_HOUR = 3_600_000;
/** Nothing lasts so long here: what ends a lock is told to the scripts. */
const LOCK_MS = 600_000;
export const OWNERS = ['a', 'b'] as const;

/** The real thing: our scripts in a Redis of its own, workers by hand, plain BullMQ beside them. */
export class World {
  readonly line: Line;
  readonly shard;
  readonly deliveries: Deliveries;
  readonly stock: ReadonlyMap<QueueName, Queue>;
  readonly outbox: Outbox;
  /** What the workers hold in their hands, in the order of the model's deliveries. */
  claims: Claimed[] = [];
  witness = new Witness();
  /** What was done so far, in plain words. */
  script: string[] = [];

  private constructor(redis: TestRedis, line: Line) {
    this.line = line;
    this.shard = line.keys.shardOf('parallel');
    this.deliveries = new Deliveries(line.scripts, line.keys, {
      lockMs: LOCK_MS,
      worker: 'by-hand',
      keepFinished: KEEP,
    });
    this.outbox = new Outbox(line.redis, line.scripts, line.keys);
    this.stock = new Map(QUEUES.map((name) => [name, stockQueue(redis, line, name)]));
  }

  static async open(redis: TestRedis): Promise<World> {
    const line = await new Line(redis).ready();
    const world = new World(redis, line);
    await Promise.all([...world.stock.values()].map((queue) => queue.waitUntilReady()));
    return world;
  }

  /** An empty Redis. */
  async reset(): Promise<void> {
    await this.line.redis.flushdb();
    this.claims = [];
    this.witness = new Witness();
    this.script = [];
  }

  accepted({ queue, add, sku, key }: Order): Accepted {
    return {
      queue,
      instruction: add ? 'add_product' : 'update_product',
      data: sku === null ? {} : { sku },
      title: sku ?? '',
      entity: sku === null ? null : { kind: 'sku', key: sku },
      barrier: add ? 'add' : 'update',
      channel: null,
      source: null,
      client: null,
      idempotencyKey: key,
    };
  }

  /** The ready queues, longest ready first. */
  async readyOrder(kind: 'blocking' | 'parallel'): Promise<QueueName[]> {
    const part = kind === 'blocking' ? 'readyBlocking' : 'readyParallel';
    const key = this.line.keys.ours(this.shard, part);
    return (await this.line.redis.zrange(key, '0', '-1')) as QueueName[];
  }

  settle(claim: Claimed, verb: Verb, more: boolean, causes: readonly Order[]) {
    const { deliveries } = this;
    switch (verb) {
      case 'complete': {
        const followUps = causes.map((order) => this.accepted(order));
        return deliveries.complete(claim, 'done', more, { followUps });
      }
      case 'fail':
      case 'failUnknown':
        return deliveries.fail(claim, failure, more, verb === 'fail');
      case 'backOffUnknown':
        return deliveries.backOff(claim, failure, AN_HOUR, more, false);
      case 'holdUnknown':
        return deliveries.hold(claim, failure, AN_HOUR, more, 0, false);
      case 'away':
        return deliveries.postpone(claim, 'hold', failure, AN_HOUR, more);
      case 'rate':
        return deliveries.postpone(claim, 'rate', failure, AN_HOUR, more);
      default:
        return deliveries[verb](claim, failure, AN_HOUR, more);
    }
  }

  /** From one millisecond to the next, so that what was before can be told from what is after. */
  async tick(): Promise<void> {
    const now = async () => {
      const [s, us] = await this.line.redis.time();
      return Number(s) * 1000 + Math.floor(Number(us) / 1000);
    };
    const before = await now();
    while ((await now()) === before);
  }

  async skip(queue: QueueName, queueId: number, scope: Scope, actor: string, over: boolean) {
    await this.tick();
    const until = over ? new Date(1) : undefined;
    return this.line.transitions.skip({ queue, queueId }, { actor, reason: 'gone', scope, until });
  }

  async dropLock(queue: QueueName, id: number): Promise<void> {
    await this.line.redis.del(`${this.line.keys.item(queue, id)}:lock`);
  }

  /** The index of running deliveries hears that this one's lock is over. */
  async inflightOver(queue: QueueName, id: number, rank: number): Promise<void> {
    const key = this.line.keys.ours(this.shard, 'inflight');
    await this.line.redis.zadd(key, 'XX', rank, `${queue} ${id}`);
  }

  async holdOver(queue: QueueName, delayedId: number | null, rank: number): Promise<void> {
    const { redis, keys } = this.line;
    await redis.zadd(keys.ours(this.shard, 'holds'), 'XX', 0, queue);
    if (delayedId !== null) {
      await redis.zadd(keys.queue(queue, 'delayed'), 'XX', rank, String(delayedId));
    }
  }

  async stockRetry(queue: QueueName, id: number): Promise<void> {
    const job = await this.stock.get(queue)!.getJob(String(id));
    await job!.retry();
  }

  async stockRemove(queue: QueueName, id: number): Promise<void> {
    const job = await this.stock.get(queue)!.getJob(String(id));
    await job!.remove();
  }
}
