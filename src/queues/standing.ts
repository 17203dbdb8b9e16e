import type { Redis } from 'ioredis';
import { type Entity, parseEntity } from '../instructions/entity.js';
import type { Keys, QueueName, ShardKeys } from '../redis/keys.js';
import type { Reply, Scripts } from '../redis/script.js';
import { readFailure, time } from './item.js';

/** What a list shows of an item, without its data and history. */
export interface Glance {
  readonly queueId: number;
  readonly queue: QueueName;
  readonly instruction: string;
  readonly title: string;
  readonly entity: Entity | null;
  readonly channel: string | null;
  readonly source: string | null;
  readonly client: string | null;
  readonly error: { readonly reason: string; readonly cause: string };
  readonly failedAt: string | null;
  /** Why it is on hold; null when it is not. */
  readonly held: { readonly reason: string; readonly cause: string } | null;
  readonly attempts: number;
}

/** An item in an index, and since when it is there, in milliseconds since 1970. */
export interface Noted {
  readonly queueId: number;
  readonly since: number;
}

/** Items that one script reads: it holds Redis while it runs. */
const CHUNK = 500;

/**
 * Everything that stands or has failed, over all queues, read from indexes: what it costs depends on how
 * much is wrong, not on how many queues there are.
 */
export class Standing {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;

  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
  }

  /** Queues that are blocked or paused. */
  async queues(): Promise<QueueName[]> {
    const lists = await this.each((shard) =>
      this.redis.zrange(this.keys.ours(shard, 'standing'), '0', '-1'),
    );
    return lists.flat();
  }

  /** Items on hold, with their queues. */
  async held(): Promise<(Noted & { readonly queue: QueueName })[]> {
    const lists = await this.each((shard) =>
      this.redis.zrange(this.keys.ours(shard, 'held'), '0', '-1', 'WITHSCORES'),
    );
    return lists.flatMap((flat) =>
      scored(flat).map(([member, since]) => {
        const [queue = '', id] = member.split(' ');
        return { queue, queueId: Number(id), since };
      }),
    );
  }

  /**
   * Queues that are not simply idle: blocked, paused or waiting, or with an item that is being delivered.
   * Only the parallel queue may have failed items without being here.
   */
  async stirring(): Promise<Set<QueueName>> {
    const lists = await this.each((shard) =>
      Promise.all([
        this.redis.zrange(this.keys.ours(shard, 'standing'), '0', '-1'),
        this.redis.zrange(this.keys.ours(shard, 'holds'), '0', '-1'),
        this.redis.zrange(this.keys.ours(shard, 'held'), '0', '-1'),
        this.redis.zrange(this.keys.ours(shard, 'inflight'), '0', '-1'),
      ]),
    );
    // Of these, two name the item too, after a space.
    return new Set(lists.flat(2).map((member) => member.split(' ', 1)[0] ?? ''));
  }

  /** How many items have failed and were not dealt with. */
  async countFailed(): Promise<number> {
    const counts = await this.each((shard) => this.redis.zcard(this.keys.ours(shard, 'failed')));
    return counts.reduce((sum, one) => sum + one, 0);
  }

  /** Failed items, newest first. */
  async failed(from: number, count: number): Promise<Noted[]> {
    const lists = await this.each((shard) =>
      this.redis.zrange(
        this.keys.ours(shard, 'failed'),
        '0',
        String(from + count - 1),
        'REV',
        'WITHSCORES',
      ),
    );
    return lists
      .flatMap((flat) => scored(flat).map(([id, since]) => ({ queueId: Number(id), since })))
      .sort((a, b) => b.since - a.since)
      .slice(from, from + count);
  }

  /** Items by queue id; those that are gone are not in the answer. */
  async glance(queueIds: readonly number[]): Promise<Map<number, Glance>> {
    const found = new Map<number, Glance>();
    await this.each(async (shard) => {
      const ids = queueIds.filter((id) => this.keys.shardOfId(id) === shard);
      for (let at = 0; at < ids.length; at += CHUNK) {
        const chunk = ids.slice(at, at + CHUNK);
        const rows = (await this.scripts.run('glance', shard, chunk)) as [string | null, Reply[]][];
        for (const [n, [queue, fields]] of rows.entries()) {
          const queueId = chunk[n];
          if (queue && queueId !== undefined)
            found.set(queueId, readGlance(queueId, queue, fields));
        }
      }
    });
    return found;
  }

  /**
   * How many items of each kind of entity these queues have that are not dealt with, the active, held and
   * failed ones included. Kind '' is of those that concern no entity.
   */
  async kinds(queues: readonly QueueName[]): Promise<Map<QueueName, Map<string, number>>> {
    const facts = await Promise.all(queues.map((name) => this.redis.hgetall(this.keys.line(name))));
    return new Map(
      queues.map((name, n) => [
        name,
        new Map(
          Object.entries(facts[n] ?? {}).flatMap(([field, count]): [string, number][] =>
            field.startsWith('open:') ? [[field.slice(5), Number(count)]] : [],
          ),
        ),
      ]),
    );
  }

  private each<T>(read: (shard: ShardKeys) => Promise<T>): Promise<T[]> {
    return Promise.all(this.keys.shards.map(read));
  }
}

function scored(flat: readonly string[]): [string, number][] {
  const found: [string, number][] = [];
  for (let n = 0; n + 1 < flat.length; n += 2) found.push([flat[n] ?? '', Number(flat[n + 1])]);
  return found;
}

function readGlance(queueId: number, queue: QueueName, fields: readonly Reply[]): Glance {
  const [name, title, entity, channel, source, client, error, errorAt, heldWhy, attempts] =
    fields.map((field) => (typeof field === 'string' ? field : undefined));
  const [kind, id] = queue.split('.', 2);
  return {
    queueId,
    queue,
    instruction: name ?? '',
    title: title ?? '',
    entity: entity ? parseEntity(entity) : null,
    channel: channel || (kind === 'channel' ? (id ?? null) : null),
    source: source || (kind === 'source' ? (id ?? null) : null),
    client: client || null,
    error: readFailure(error),
    failedAt: time(errorAt),
    held: heldWhy === undefined ? null : readFailure(heldWhy),
    attempts: Number(attempts ?? 0),
  };
}
