import type { Redis } from 'ioredis';
import { type Entity, entityText } from '../instructions/entity.js';
import { ID_RANGE, type Keys, type QueueName, type ShardKeys } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import { type Item, type ItemState, pairs, readItem, removedItem } from './item.js';
import type { Registry } from './registry.js';

/** What to look for; all that is given must fit. */
export interface Filter {
  readonly state?: ItemState | undefined;
  readonly queue?: QueueName | undefined;
  readonly client?: string | undefined;
  readonly instruction?: string | undefined;
  readonly entity?: Entity | undefined;
  /** Class of the error: connection, data … */
  readonly cause?: string | undefined;
  /** Part of the error text, capitals or not. */
  readonly error?: string | undefined;
  /** Enqueued at or after. ISO 8601. */
  readonly since?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

const CHUNK = 200;

/** Finds items and reads them as they are now. */
export class Finder {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  private readonly registry: Registry;

  constructor(redis: Redis, scripts: Scripts, keys: Keys, registry: Registry) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
    this.registry = registry;
  }

  /** The queue an item is in, or null when there is no such item. */
  async queueOf(queueId: number): Promise<QueueName | null> {
    const shard = this.keys.shardOfId(queueId);
    const known = await this.redis.hget(this.keys.ours(shard, 'items'), String(queueId));
    if (known !== null || queueId < ID_RANGE) return known;
    return this.registry.queueOfSpreadId(queueId);
  }

  /** One item with its position; null when there is none. */
  async item(queueId: number): Promise<Item | null> {
    const queue = await this.queueOf(queueId);
    if (queue === null) return null;
    const [item] = await this.read(this.keys.shardOf(queue), [[queue, queueId]], true);
    return item ?? null;
  }

  /** Several items, in the order asked; those that are gone are left out. */
  async items(ids: readonly [QueueName, number][]): Promise<Item[]> {
    const found = new Map<number, Item>();
    for (let at = 0; at < ids.length; at += CHUNK)
      for (const item of await this.readMany(ids.slice(at, at + CHUNK)))
        found.set(item.queueId, item);
    return ids.flatMap(([, id]) => found.get(id) ?? []);
  }

  /** The log lines that connectors wrote for an item. */
  logs(item: Item): Promise<string[]> {
    return this.redis.lrange(this.keys.logs(item.queue, item.queueId), 0, -1);
  }

  /** Newest first (highest queue id); `cursor` is the last queue id of the page before. */
  async search(
    filter: Filter,
    limit: number,
    cursor?: number,
    allowed: (item: Item) => boolean = () => true,
  ): Promise<Page<Item>> {
    const found: Item[] = [];
    for await (const ids of this.portions(filter, cursor)) {
      for (const item of await this.readMany(ids)) {
        if (!matches(item, filter) || !allowed(item)) continue;
        if (found.length === limit)
          return { items: found, nextCursor: String(found.at(-1)?.queueId) };
        found.push(item);
      }
    }
    return { items: found, nextCursor: null };
  }

  /** Every item that fits, a page at a time. */
  async *all(filter: Filter, allowed?: (item: Item) => boolean): AsyncGenerator<Item> {
    let cursor: number | undefined;
    do {
      const page = await this.search(filter, CHUNK, cursor, allowed);
      yield* page.items;
      cursor = page.nextCursor === null ? undefined : Number(page.nextCursor);
    } while (cursor !== undefined);
  }

  /** All that may fit, the highest id first, so many at a time as are read at once. */
  private async *portions(
    filter: Filter,
    below = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<[QueueName, number][]> {
    const listed = await this.candidates(filter);
    if (listed === null) return yield* this.everything(below);
    const rest = listed.filter(([, id]) => id < below);
    for (let at = 0; at < rest.length; at += CHUNK) yield rest.slice(at, at + CHUNK);
  }

  /** Every item there is: too many to be listed in one go. */
  private async *everything(below: number): AsyncGenerator<[QueueName, number][]> {
    let end = below;
    while (end > Number.NEGATIVE_INFINITY) {
      const lists = await Promise.all(this.keys.shards.map((shard) => this.idsBelow(shard, end)));
      // A shard that gave its fill may have more, above the last one of another.
      end = Math.max(...lists.map((ids) => (ids.length < CHUNK ? -Infinity : Number(ids.at(-1)))));
      const named = await Promise.all(
        this.keys.shards.map((shard, n) => this.withQueues(shard, lists[n] ?? [])),
      );
      const ids = named.flat().filter(([, id]) => id >= end);
      yield ids.sort(([, a], [, b]) => b - a);
    }
  }

  private idsBelow(shard: ShardKeys, end: number): Promise<string[]> {
    const key = this.keys.ours(shard, 'ids');
    const max = end === Number.POSITIVE_INFINITY ? '+inf' : `(${end}`;
    return this.redis.zrange(key, max, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, CHUNK);
  }

  /** The narrowest index that holds all that fit: entity, then state, then queue; null where there is none. */
  private async candidates(filter: Filter): Promise<[QueueName, number][] | null> {
    const { state, queue, entity } = filter;
    const ofState = state === 'failed' || state === 'skipped' || state === 'resolved';
    if (!entity && !ofState && !queue) return null;
    const shards = queue ? [this.keys.shardOf(queue)] : this.keys.shards;
    const lists = await Promise.all(
      shards.map(async (shard) => {
        if (entity) {
          const ids = await this.redis.zrange(
            this.keys.entity(shard, entityText(entity)),
            '0',
            '-1',
          );
          return this.withQueues(shard, ids);
        }
        if (ofState) {
          return this.withQueues(
            shard,
            await this.redis.zrange(this.keys.ours(shard, state), '0', '-1'),
          );
        }
        return queue ? this.idsOfQueue(queue) : [];
      }),
    );
    return lists.flat().sort(([, a], [, b]) => b - a);
  }

  private async withQueues(
    shard: ShardKeys,
    ids: readonly string[],
  ): Promise<[QueueName, number][]> {
    if (ids.length === 0) return [];
    const names = await this.redis.hmget(this.keys.ours(shard, 'items'), ...ids);
    return ids.flatMap((id, n): [QueueName, number][] => {
      const name = names[n];
      return name ? [[name, Number(id)]] : [];
    });
  }

  private async idsOfQueue(queue: QueueName): Promise<[QueueName, number][]> {
    const key = (part: Parameters<Keys['queue']>[1]) => this.keys.queue(queue, part);
    const ids = await Promise.all([
      this.redis.lrange(key('wait'), 0, -1),
      this.redis.lrange(key('active'), 0, -1),
      this.redis.zrange(key('prioritized'), '0', '-1'),
      this.redis.zrange(key('delayed'), '0', '-1'),
      this.redis.zrange(key('failed'), '0', '-1'),
      this.redis.zrange(key('completed'), '0', '-1'),
    ]);
    // A custom id of a plain producer is no queue id; the item gets one when it is claimed.
    const numbers = ids.flat().map(Number).filter(Number.isSafeInteger);
    return [...new Set(numbers)].map((id) => [queue, id]);
  }

  private async readMany(ids: readonly [QueueName, number][]): Promise<Item[]> {
    const lists = await Promise.all(
      this.keys.shards.map((shard) => {
        const members = ids.filter(([queue]) => this.keys.shardOf(queue) === shard);
        return members.length > 0 ? this.read(shard, members, false) : [];
      }),
    );
    return lists.flat().sort((a, b) => b.queueId - a.queueId);
  }

  private async read(
    shard: ShardKeys,
    ids: readonly [QueueName, number][],
    withPosition: boolean,
  ): Promise<Item[]> {
    const reply = await this.scripts.run('read', shard, [withPosition ? 1 : 0, ...ids.flat()]);
    return (reply as [string, number, string[]][]).flatMap(([state, position, fields], n) => {
      const of = ids[n];
      if (!of || state === 'gone') return [];
      const removed = state === 'removed';
      return [
        readItem(
          of[0],
          of[1],
          removed ? 'failed' : (state as ItemState),
          removed ? 0 : position,
          removed ? removedItem : pairs(fields),
        ),
      ];
    });
  }
}

function matches(item: Item, filter: Filter): boolean {
  return (
    (!filter.state || item.state === filter.state) &&
    (!filter.queue || item.queue === filter.queue) &&
    (!filter.client || item.client === filter.client) &&
    (!filter.instruction || item.instruction === filter.instruction) &&
    (!filter.entity ||
      (item.entity?.kind === filter.entity.kind && item.entity.key === filter.entity.key)) &&
    (!filter.cause || item.error?.cause === filter.cause) &&
    (!filter.error ||
      (item.error?.message.toLowerCase().includes(filter.error.toLowerCase()) ?? false)) &&
    (!filter.since || item.enqueuedAt >= new Date(filter.since).toISOString())
  );
}
