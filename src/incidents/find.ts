import type { Redis } from 'ioredis';
import { redactedText } from '../queues/redact.js';
import type { Keys, ShardKeys } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';

/** What the alerts know of an item as it is now. */
export interface Found {
  readonly queueId: number;
  readonly queue: string;
  readonly state: string;
  readonly blocks: boolean;
  /** Items that wait in its queue. */
  readonly waiting: number;
  readonly instruction: string;
  readonly title: string;
  /** `sku:TSH-RED-M` or ''. */
  readonly entity: string;
  readonly channel: string | null;
  readonly source: string | null;
  readonly client: string | null;
  readonly message: string;
  readonly cause: string;
  /** What the far side answered with, where it did. */
  readonly status: number | undefined;
}

/** Where an item is found, and since when it stands. */
export interface Stand {
  readonly queueId: number;
  readonly shard: ShardKeys;
  readonly kind: 'failed' | 'held';
  /** When it failed, or since when it is held. Milliseconds since 1970. */
  readonly at: number;
}

const CHUNK = 200;
const MOST_HELD = 10_000;

/** Reads from the queues themselves what is to be told: never from events, which may be missed. */
export class TroubleFinder {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;

  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
  }

  /** Changes whenever something failed or was dealt with; costs three commands a shard. */
  async signature(heldBefore: number): Promise<string> {
    const parts = await Promise.all(
      this.keys.shards.map(async (shard) => {
        const failed = this.keys.ours(shard, 'failed');
        const held = this.keys.ours(shard, 'held');
        const [count, last, holds] = await Promise.all([
          this.redis.zcard(failed),
          this.redis.zrange(failed, '0', '0', 'REV', 'WITHSCORES'),
          this.redis.zcount(held, '-inf', String(heldBefore)),
        ]);
        return [count, ...last, holds].join(' ');
      }),
    );
    return parts.join(';');
  }

  /** Everything that failed and was not dealt with, and what is on hold since before `heldBefore`. */
  async standing(heldBefore: number): Promise<Map<number, Stand>> {
    const standing = new Map<number, Stand>();
    const add = (queueId: number, shard: ShardKeys, kind: Stand['kind'], at: number) =>
      standing.set(queueId, { queueId, shard, kind, at });
    for (const shard of this.keys.shards) {
      const rows = await this.redis.zrange(
        this.keys.ours(shard, 'failed'),
        '0',
        '-1',
        'WITHSCORES',
      );
      for (const [id, at] of pairsOf(rows)) add(Number(id), shard, 'failed', at);
      const holds = await this.redis.zrangebyscore(
        this.keys.ours(shard, 'held'),
        '-inf',
        heldBefore,
        'WITHSCORES',
        'LIMIT',
        0,
        MOST_HELD,
      );
      for (const [member, at] of pairsOf(holds))
        add(Number(member.split(' ')[1]), shard, 'held', at);
    }
    return standing;
  }

  /** In no particular order; those that are gone have the state 'gone'. */
  async read(items: readonly Pick<Stand, 'queueId' | 'shard'>[]): Promise<Found[]> {
    const found: Found[] = [];
    for (const shard of this.keys.shards) {
      const here = items.filter((one) => one.shard === shard).map((one) => one.queueId);
      for (let at = 0; at < here.length; at += CHUNK) {
        const chunk = here.slice(at, at + CHUNK);
        const rows = await this.scripts.run('troubles', shard, chunk);
        for (const [n, row] of (rows as string[][]).entries()) {
          const queueId = chunk[n];
          if (queueId !== undefined) found.push(readRow(queueId, row));
        }
      }
    }
    return found;
  }
}

function* pairsOf(flat: readonly string[]): Generator<[string, number]> {
  for (let n = 0; n + 1 < flat.length; n += 2) yield [flat[n] ?? '', Number(flat[n + 1])];
}

function readRow(queueId: number, row: readonly (string | number)[]): Found {
  const text = (n: number) => String(row[n] ?? '');
  const [last, hold] = [readFailure(text(10)), readFailure(text(12))];
  // While it is held, that is why it waits; its last failure may be of another kind.
  const failure = text(1) === 'failed' ? (last ?? hold) : (hold ?? last);
  const [kind, id] = text(0).split('.', 2);
  return {
    queueId,
    queue: text(0),
    state: text(1),
    blocks: row[2] === 1,
    waiting: Number(row[3]),
    instruction: text(4),
    title: text(5),
    entity: text(6),
    channel: text(7) || (kind === 'channel' ? (id ?? null) : null),
    source: text(8) || (kind === 'source' ? (id ?? null) : null),
    client: text(9) || null,
    message: failure?.message ?? (text(11) || 'no error was recorded'),
    cause: failure?.cause ?? 'bug',
    status: failure?.status,
  };
}

function readFailure(
  text: string,
): { message: string; cause: string; status: number | undefined } | null {
  if (text === '') return null;
  const { message, cause, status } = JSON.parse(text) as Record<string, unknown>;
  if (typeof message !== 'string') return null;
  // What is told by mail has left the house.
  return {
    message: redactedText(message.slice(0, 2_000)),
    cause: typeof cause === 'string' ? cause : 'bug',
    status: typeof status === 'number' ? status : undefined,
  };
}
