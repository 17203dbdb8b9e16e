import type { Redis } from 'ioredis';
import type { Keys, ShardKeys } from '../redis/keys.js';
import { Master } from '../redis/master.js';
import type { Reply, Scripts } from '../redis/script.js';
import { type Accepted, fieldsOf, IDEMPOTENCY_WINDOW_MS } from './enqueue.js';

/** Elements of an item in the outbox: its fields, the item that caused it, its number among those. */
const FIELDS = 11;
/** Items that one script moves: it holds Redis while it runs. */
const CHUNK = 500;

/** What `complete` writes into the outbox with the success of an item. */
export const posted = (items: readonly Accepted[], keys: Keys): (string | number)[] =>
  items.flatMap((item) => [keys.shardOf(item.queue).index, ...fieldsOf(item)]);

/**
 * Items that other items have caused, on their way from the success that caused them into their queues.
 * Each gets there once and in order, however many workers move them and whichever of those die.
 */
export class Outbox {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  private readonly master: Master;
  private readonly far: Scripts;

  /**
   * @param redis the connection that `scripts` run on
   * @param far enqueues into other shards: they may lie on another master, which must not lose what is struck off here
   */
  constructor(redis: Redis, scripts: Scripts, keys: Keys, far: Scripts = scripts) {
    this.far = far;
    this.redis = redis;
    this.master = new Master(redis);
    this.scripts = scripts;
    this.keys = keys;
  }

  /**
   * Moves everything that lies in the outboxes of a shard; answers how many items that were. One shard that takes
   * nothing holds up no other. @throws what the first of those said, at the end
   */
  async empty(shard: ShardKeys): Promise<number> {
    const boxes = this.keys.shards.map((to) => this.keys.outbox(shard, to));
    if ((await this.redis.exists(...boxes)) === 0) return 0;
    let moved = 0;
    const problems: unknown[] = [];
    for (const to of this.keys.shards) {
      try {
        moved += await this.move(shard, to);
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw problems[0];
    return moved;
  }

  private async move(from: ShardKeys, to: ShardKeys): Promise<number> {
    let moved = 0;
    for (let left = await this.waiting(from, to); left > 0; ) {
      const after = await (to === from ? this.moveHere(from) : this.moveThere(from, to));
      moved += Math.max(0, left - after);
      left = after;
    }
    return moved;
  }

  private async waiting(from: ShardKeys, to: ShardKeys): Promise<number> {
    return (await this.redis.llen(this.keys.outbox(from, to))) / FIELDS;
  }

  /** One step: in the queue and off the outbox. */
  private async moveHere(shard: ShardKeys): Promise<number> {
    const { replication } = await this.master.mark(shard.prefix);
    return Number(await this.scripts.run('relay', shard, [CHUNK, FIELDS, replication]));
  }

  /**
   * Two steps, since no script spans two shards: into the queues, under a key for each item, then off the
   * outbox, once they are safe there. Who does the first again, after a crash or beside another worker, changes
   * nothing by it.
   */
  private async moveThere(from: ShardKeys, to: ShardKeys): Promise<number> {
    const list = await this.redis.lrange(this.keys.outbox(from, to), 0, CHUNK * FIELDS - 1);
    const names: string[] = [];
    const args: string[] = [];
    for (let at = 0; at < list.length; at += FIELDS) {
      const fields = list.slice(at, at + FIELDS - 2);
      const [cause = '', n = ''] = list.slice(at + FIELDS - 2, at + FIELDS);
      names.push(cause, n);
      args.push(...fields, `followup:${cause}:${n}`, 'followup', cause);
    }
    if (list.length > 0) {
      const { replication } = await this.master.mark(to.prefix);
      const reply = await this.far.run('enqueue', to, [
        IDEMPOTENCY_WINDOW_MS,
        replication,
        '',
        ...args,
      ]);
      const [verdict, n] = reply as Reply[];
      if (verdict !== 'ok')
        throw new Error(
          `follow-up ${n} of item ${names[0]} and others could not be enqueued: ${verdict}`,
        );
    }
    return Number(await this.scripts.run('strike', from, [to.index, FIELDS, ...names]));
  }
}
