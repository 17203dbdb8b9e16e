import type { Redis } from 'ioredis';
import { z } from 'zod';
import { rateLimitSchema, retrySettingsSchema } from '../config/schema.js';
import type { Keys, QueueName } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';

export const endpointKinds = ['channel', 'source', 'service'] as const;
export type EndpointKind = (typeof endpointKinds)[number];

/** BullMQ numbers items a queue; each queue's numbers start at its ordinal times this. */
export const ID_SPREAD = 1_000_000_000;

const storedSchema = z.object({
  kind: z.enum(endpointKinds),
  id: z.string(),
  description: z.string(),
  client: z.string().nullable(),
  connector: z.looseObject({ type: z.string() }),
  retry: retrySettingsSchema.nullable(),
  rateLimit: rateLimitSchema.nullable().default(null),
  resendUnknown: z.boolean().default(false),
  recordUrl: z.string().nullable(),
});

/** A source, channel or service: who carries items out there, and how it is called. */
export type Endpoint = Readonly<z.infer<typeof storedSchema>>;
export type SecretSettings = Readonly<Record<string, unknown>>;

/** `channel.12`: the name of an endpoint, and of its queue unless it is a service. */
export const endpointName = (kind: EndpointKind, id: string): string => `${kind}.${id}`;

/**
 * Which sources, channels and services there are. Shared by all processes, always read from Redis:
 * what one process puts, every other sees with its next look.
 */
export class Registry {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  /** Parsed once a text: endpoints are read for every claim, and change seldom. */
  private readonly parsed = new Map<string, { text: string; endpoint: Endpoint }>();

  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
  }

  async get(kind: EndpointKind, id: string): Promise<Endpoint | null> {
    const name = endpointName(kind, id);
    const text = await this.redis.hget(this.keys.registry.endpoints, name);
    return text === null ? null : this.parse(name, text);
  }

  /** Secret settings of an endpoint's connector; never to leave the process except to its far side. */
  async secrets(kind: EndpointKind, id: string): Promise<SecretSettings> {
    const text = await this.redis.hget(this.keys.registry.secrets, endpointName(kind, id));
    return text === null ? {} : z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  }

  /** Several at once, in the order asked; null where there is none. */
  async getMany(names: readonly string[]): Promise<(Endpoint | null)[]> {
    if (names.length === 0) return [];
    const texts = await this.redis.hmget(this.keys.registry.endpoints, ...names);
    return texts.map((text, n) => (text === null ? null : this.parse(names[n] ?? '', text)));
  }

  async list(kind?: EndpointKind): Promise<Endpoint[]> {
    const all = await this.redis.hgetall(this.keys.registry.endpoints);
    return Object.entries(all)
      .map(([name, text]) => this.parse(name, text))
      .filter((endpoint) => !kind || endpoint.kind === kind)
      .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  }

  /** Names of all blocking queues there should be. */
  async queueNames(): Promise<QueueName[]> {
    const names = await this.redis.hkeys(this.keys.registry.endpoints);
    return names.filter((name) => !name.startsWith('service.')).sort();
  }

  /** Creates or changes; answers whether it is new. */
  put(endpoint: Endpoint, secrets: SecretSettings): Promise<boolean> {
    return this.scripts.durability.cover(
      () => this.store(endpoint, secrets),
      this.keys.registry.durable,
    );
  }

  private async store(endpoint: Endpoint, secrets: SecretSettings): Promise<boolean> {
    const name = endpointName(endpoint.kind, endpoint.id);
    if (endpoint.kind !== 'service') await this.spreadIds(name);
    await this.redis.hset(this.keys.registry.secrets, name, JSON.stringify(secrets));
    return (
      (await this.redis.hset(this.keys.registry.endpoints, name, JSON.stringify(endpoint))) === 1
    );
  }

  delete(kind: EndpointKind, id: string): Promise<boolean> {
    return this.scripts.durability.cover(() => this.remove(kind, id), this.keys.registry.durable);
  }

  private async remove(kind: EndpointKind, id: string): Promise<boolean> {
    const name = endpointName(kind, id);
    const removed = await this.redis.hdel(this.keys.registry.endpoints, name);
    await this.redis.hdel(this.keys.registry.secrets, name);
    if (kind !== 'service') {
      // One that is put again under this id starts without the old rules and pause.
      await this.redis.del(this.keys.rules(name));
      await this.redis.hdel(this.keys.line(name), 'pausedAt', 'pausedBy', 'pauseReason');
      await this.redis.hdel(this.keys.queue(name, 'meta'), 'paused');
    }
    return removed === 1;
  }

  /** The queue that a plain producer's id belongs to, from the ordinal in it. */
  async queueOfSpreadId(queueId: number): Promise<QueueName | null> {
    return this.redis.hget(
      this.keys.registry.queueOfOrdinal,
      String(Math.floor(queueId / ID_SPREAD)),
    );
  }

  /**
   * Moves BullMQ's own counter of a queue to a range of its own, so that the ids which plain producers
   * get are unique over the whole system and never meet ours (below `ID_SPREAD`). Safe to repeat.
   */
  async spreadIds(queue: QueueName): Promise<void> {
    const { ordinals, lastOrdinal, queueOfOrdinal } = this.keys.registry;
    if ((await this.redis.hget(ordinals, queue)) === null) {
      await this.redis.hsetnx(ordinals, queue, await this.redis.incr(lastOrdinal));
    }
    const ordinal = Number(await this.redis.hget(ordinals, queue));
    await this.redis.hset(queueOfOrdinal, String(ordinal), queue);
    await this.scripts.run('spread', this.keys.shardOf(queue), [queue, ordinal * ID_SPREAD]);
  }

  private parse(name: string, text: string): Endpoint {
    const known = this.parsed.get(name);
    if (known?.text === text) return known.endpoint;
    const endpoint = Object.freeze(storedSchema.parse(JSON.parse(text)));
    this.parsed.set(name, { text, endpoint });
    return endpoint;
  }
}
