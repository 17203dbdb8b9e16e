import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Durability, local } from '../redis/durability.js';
import type { Keys } from '../redis/keys.js';
import { type HistoryEntry, time } from './item.js';

/** One line of the audit: who did what to which queue, item or setting. */
export interface AuditLine extends HistoryEntry {
  /** Of its stream, and the shard where that is not the first: ids of two shards may be the same. */
  readonly id: string;
  readonly queue: string | null;
  readonly queueId: number | null;
}

const entrySchema = z.looseObject({ at: z.number(), actor: z.string(), action: z.string() });

/**
 * Who did what. Transitions write their own lines, in their one step; this writes those of everything else,
 * a step after what they tell of (ARCHITECTURE says what a crash between leaves), and reads all.
 */
export class Audit {
  private readonly redis: Redis;
  private readonly keys: Keys;

  private readonly durability: Durability;

  /** @param durability when a line counts as written; it must watch `redis` */
  constructor(redis: Redis, keys: Keys, durability: Durability = local) {
    this.redis = redis;
    this.keys = keys;
    this.durability = durability;
  }

  /** Of a change: kept as safely as the change itself. @throws NotReplicated */
  async write(actor: string, action: string, details: Record<string, unknown>): Promise<void> {
    const [shard] = this.keys.shards;
    if (shard) await this.durability.cover(() => this.note(actor, action, details), shard.durable);
  }

  /** Of what changes nothing that somebody is promised, as a login: it must not fail for want of a replica. */
  async note(actor: string, action: string, details: Record<string, unknown>): Promise<void> {
    const [shard] = this.keys.shards;
    if (!shard) return;
    const entry = JSON.stringify({ ...details, at: Date.now(), actor, action });
    await this.redis.xadd(
      this.keys.ours(shard, 'audit'),
      '*',
      'queue',
      '',
      'queueId',
      '',
      'entry',
      entry,
    );
  }

  /** Newest first; `before` is the id of the last line of the page before. */
  async read(
    limit: number,
    before?: string,
  ): Promise<{ items: AuditLine[]; nextCursor: string | null }> {
    const [upTo, last] = before?.split('.') ?? [];
    const pages = await Promise.all(
      this.keys.shards.map(async (shard) => {
        // Of one id the shards come in their order; those after the last one are still to come.
        const told = shard.index <= Number(last ?? 0);
        const end = upTo === undefined ? '+' : told ? `(${upTo}` : upTo;
        const key = this.keys.ours(shard, 'audit');
        const found = await this.redis.xrevrange(key, end, '-', 'COUNT', limit + 1);
        return found.map(([id, fields]) =>
          lineOf(shard.index ? `${id}.${shard.index}` : id, fields),
        );
      }),
    );
    const lines = pages.flat().sort(byAge);
    const items = lines.slice(0, limit);
    return { items, nextCursor: lines.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  /**
   * Newest first, only lines that `sift` lets through. A page may be short, even empty, and have a
   * `nextCursor` all the same: so much was looked through in vain.
   */
  async search(
    limit: number,
    before: string | undefined,
    sift: (lines: readonly AuditLine[]) => Promise<readonly AuditLine[]>,
  ): Promise<{ items: AuditLine[]; nextCursor: string | null }> {
    const items: AuditLine[] = [];
    let cursor = before;
    for (let looked = 0; looked < LOOKED_THROUGH; looked += CHUNK) {
      const page = await this.read(CHUNK, cursor);
      for (const line of await sift(page.items)) {
        items.push(line);
        // There may be more that fits, or not; the next page tells.
        if (items.length === limit) return { items, nextCursor: line.id };
      }
      if (page.nextCursor === null) return { items, nextCursor: null };
      cursor = page.nextCursor;
    }
    return { items, nextCursor: cursor ?? null };
  }
}

/** Lines that are read at once, and looked through before a search gives what it has. */
const CHUNK = 500;
const LOOKED_THROUGH = 20_000;

function lineOf(id: string, fields: readonly string[]): AuditLine {
  const [, queue, , queueId, , text] = fields;
  const { at, actor, action, before, ...details } = entrySchema.parse(JSON.parse(text ?? '{}'));
  return {
    id,
    at: time(String(at)) ?? '',
    actor,
    action,
    queue: queue || null,
    queueId: queueId ? Number(queueId) : null,
    ...details,
    ...(before === undefined ? {} : { before }),
  };
}

function byAge(a: AuditLine, b: AuditLine): number {
  const [msA = 0, nA = 0, shardA = 0] = a.id.split(/[-.]/).map(Number);
  const [msB = 0, nB = 0, shardB = 0] = b.id.split(/[-.]/).map(Number);
  return msB - msA || nB - nA || shardA - shardB;
}
