import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { IdempotencyMismatch, InvalidInput } from '../errors.js';
import { type Entity, entityText } from '../instructions/entity.js';
import type { JsonObject } from '../json.js';
import { claimKeys } from '../redis/claim-keys.js';
import { isBlocking, type Keys, type QueueName, type ShardKeys } from '../redis/keys.js';
import { Master } from '../redis/master.js';
import type { Scripts } from '../redis/script.js';
import {
  inSpan,
  queueFacts,
  SpanKind,
  type SpanOptions,
  templateOf,
  traceparent,
} from '../traces.js';
import type { ItemState } from './item.js';

/** How long an idempotency key is remembered, in milliseconds: 7 days. */
export const IDEMPOTENCY_WINDOW_MS = 7 * 24 * 3_600_000;

/** An item that has been checked and routed. */
export interface Accepted {
  readonly queue: QueueName;
  readonly instruction: string;
  readonly data: JsonObject;
  readonly title: string;
  readonly entity: Entity | null;
  readonly barrier: string;
  readonly channel: string | null;
  readonly source: string | null;
  readonly client: string | null;
  /** Already made unique to who may use it; null for none. */
  readonly idempotencyKey: string | null;
  /** Number of items that came under one key: the same key with a longer batch is another request. */
  readonly sealedWith?: number;
}

export interface Ticket {
  readonly queueId: number;
  readonly queue: QueueName;
  readonly mode: 'blocking' | 'non-blocking';
  readonly state: ItemState;
  readonly position: number;
  readonly replayed: boolean;
}

const answerSchema = z.object({
  queueId: z.coerce.number(),
  queue: z.string(),
  state: z.enum(['waiting', 'skipped']),
  position: z.number(),
  replayed: z.boolean().default(false),
});

/** The fields of an item in the order in which the scripts take them. */
export const fieldsOf = (item: Accepted): string[] => [
  item.queue,
  item.instruction,
  JSON.stringify(item.data),
  item.title,
  item.entity ? entityText(item.entity) : '',
  item.barrier,
  item.channel ?? '',
  item.source ?? '',
  item.client ?? '',
];

/** Puts items into their queues, so that once it answers they are stored, in the order given. */
export class Enqueuer {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  private readonly master: Master;

  /** @param redis the connection that `scripts` run on */
  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.master = new Master(redis);
    this.scripts = scripts;
    this.keys = keys;
  }

  /**
   * All or none, in one step. `pointers`: where each item stands in the request.
   * @throws IdempotencyMismatch when a key was used with another request
   * @throws InvalidInput when the queues lie in different shards
   */
  async enqueue(
    items: readonly Accepted[],
    pointers: readonly string[] = items.map((_, n) => `/items/${n}`),
  ): Promise<Ticket[]> {
    const shard = this.oneShard(items);
    const hashes = items.map(hashOf);
    const mismatch = (n: number) => new IdempotencyMismatch(pointers[n] ?? '');
    refuseDoubledKeys(items, hashes, mismatch);
    if (this.keys.shards.length > 1) await this.claimKeys(items, hashes, mismatch);
    const args = items.flatMap((item, n) => [
      ...fieldsOf(item),
      item.idempotencyKey ?? '',
      hashes[n] ?? '',
      '',
    ]);
    const { replication } = await this.master.mark(shard.prefix);
    const reply = await inSpan(...spanOf(items), () =>
      this.scripts.run('enqueue', shard, [
        IDEMPOTENCY_WINDOW_MS,
        replication,
        traceparent(),
        ...args,
      ]),
    );
    const [verdict, ...answers] = z.array(z.union([z.string(), z.number()])).parse(reply);
    if (verdict === 'mismatch') throw mismatch(Number(answers[0]));
    return answers.map((answer) => {
      const ticket = answerSchema.parse(JSON.parse(String(answer)));
      return { ...ticket, mode: isBlocking(ticket.queue) ? 'blocking' : 'non-blocking' };
    });
  }

  private oneShard(items: readonly Accepted[]): ShardKeys {
    const first = items[0];
    if (!first) throw new InvalidInput([{ pointer: '/items', detail: 'a batch needs an item' }]);
    const shard = this.keys.shardOf(first.queue);
    const stray = items.findIndex((item) => this.keys.shardOf(item.queue) !== shard);
    if (stray >= 0) {
      throw new InvalidInput([
        {
          pointer: `/items/${stray}`,
          detail: `queues ${first.queue} and ${items[stray]?.queue} lie in different shards, so one batch cannot take both or none: send a batch for each`,
        },
      ]);
    }
    return shard;
  }

  /** With several shards, the same key with another body could land in another shard and go unnoticed. All or none. */
  private async claimKeys(
    items: readonly Accepted[],
    hashes: readonly string[],
    mismatch: (n: number) => Error,
  ): Promise<void> {
    const keyed = items.flatMap(({ idempotencyKey }, n) =>
      idempotencyKey ? [{ n, key: `${this.keys.registry.idempotency}${idempotencyKey}` }] : [],
    );
    if (keyed.length === 0) return;
    const claims = keyed.map(({ n, key }) => [key, hashes[n] ?? ''] as const);
    const taken = await claimKeys(this.redis, claims, IDEMPOTENCY_WINDOW_MS);
    if (taken !== null) throw mismatch(keyed[taken]?.n ?? 0);
  }
}

/** One for all items of a request: their attempts go on from it. */
function spanOf(items: readonly Accepted[]): [name: string, options: SpanOptions] {
  const queues = new Set(items.map(({ queue }) => queue));
  const [queue = null] = queues.size === 1 ? queues : [];
  const attributes = () => ({
    ...queueFacts('enqueue', queue),
    ...(items.length > 1 && { 'messaging.batch.message_count': items.length }),
  });
  const name = queue === null ? 'enqueue' : `enqueue ${templateOf(queue)}`;
  return [name, { kind: SpanKind.PRODUCER, attributes }];
}

function hashOf(item: Accepted): string {
  const { idempotencyKey: _, ...request } = item;
  return createHash('sha256')
    .update(JSON.stringify(canonical(request)))
    .digest('base64url');
}

/** The same content gives the same text, in whatever order its keys came. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}

function refuseDoubledKeys(
  items: readonly Accepted[],
  hashes: readonly string[],
  mismatch: (n: number) => Error,
): void {
  const seen = new Map<string, string>();
  for (const [n, item] of items.entries()) {
    if (!item.idempotencyKey) continue;
    const hash = hashes[n] ?? '';
    if ((seen.get(item.idempotencyKey) ?? hash) !== hash) throw mismatch(n);
    seen.set(item.idempotencyKey, hash);
  }
}
