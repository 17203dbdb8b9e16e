import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys } from '../redis/keys.js';
import { type HistoryEntry, time } from './item.js';

/** One line of the audit: who did what to which queue, item or setting. */
export interface AuditLine extends HistoryEntry {
  readonly id: string;
  readonly queue: string | null;
  readonly queueId: number | null;
}

const entrySchema = z.looseObject({ at: z.number(), actor: z.string(), action: z.string() });

/** Who did what. Transitions write their own lines; this writes those of everything else, and reads all. */
export class Audit {
  private readonly redis: Redis;
  private readonly keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.redis = redis;
    this.keys = keys;
  }

  async write(actor: string, action: string, details: Record<string, unknown>): Promise<void> {
    const [shard] = this.keys.shards;
    if (!shard) return;
    const entry = JSON.stringify({ ...details, at: Date.now(), actor, action });
    await this.redis.xadd(
      this.keys.ours(shard, 'audit'),
      'MAXLEN',
      '~',
      100_000,
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
    const end = before === undefined ? '+' : `(${before}`;
    const pages = await Promise.all(
      this.keys.shards.map((shard) =>
        this.redis.xrevrange(this.keys.ours(shard, 'audit'), end, '-', 'COUNT', limit + 1),
      ),
    );
    const lines = pages
      .flat()
      .map(([id, fields]) => lineOf(id, fields))
      .sort(byAge);
    const items = lines.slice(0, limit);
    return { items, nextCursor: lines.length > limit ? (items.at(-1)?.id ?? null) : null };
  }
}

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
  const [msA = 0, nA = 0] = a.id.split('-').map(Number);
  const [msB = 0, nB = 0] = b.id.split('-').map(Number);
  return msB - msA || nB - nA;
}
