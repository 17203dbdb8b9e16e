import type { Redis } from 'ioredis';
import { z } from 'zod';
import { rateLimitSchema, retrySettingsSchema } from '../config/endpoint-schema.js';
import { exchange } from '../redis/exchange.js';
import { FIRST_RANGE, ID_RANGE, type Keys, type QueueName } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import { readBoth, type Stamped, writeStamped } from '../redis/stamped.js';
import { isSealed, SealedForGood, Vault } from '../secrets/vault.js';

export const endpointKinds = ['channel', 'source', 'service'] as const;
export type EndpointKind = (typeof endpointKinds)[number];

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
  /** Since when it is this client's, by the clock of whoever put it; absent: always, as far as is known. */
  clientSince: z.number().optional(),
});

/** A source, channel or service: who carries items out there, and how it is called. */
export type Endpoint = Readonly<z.infer<typeof storedSchema>>;
export type SecretSettings = Readonly<Record<string, unknown>>;

/** Services that are there without anybody putting them; one that was put under their id goes before. */
const builtIn: ReadonlyMap<string, Endpoint> = new Map(
  [
    { id: 'email', description: 'Mail' },
    { id: 'webhook', description: 'Webhooks' },
  ].map(({ id, description }) => [
    `service.${id}`,
    Object.freeze(
      storedSchema.parse({
        kind: 'service',
        id,
        description,
        client: null,
        connector: { type: id },
        retry: null,
        recordUrl: null,
      }),
    ),
  ]),
);

/** `channel.12`: the name of an endpoint, and of its queue unless it is a service. */
export const endpointName = (kind: EndpointKind, id: string): string => `${kind}.${id}`;

/** "c2" before "c10". Made once: `localeCompare` makes one for each comparison, 30 times as slow at 5,000. */
const inOrder = new Intl.Collator('en', { numeric: true });

/** A list is read whole at least so often, in milliseconds: a version of Andon that knows no stamp may write too. */
const LIST_AGE_MS = 30_000;

/**
 * Which sources, channels and services there are. Shared by all processes, always read from Redis:
 * what one process puts, every other sees with its next look.
 */
export class Registry {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  private readonly vault: Vault;
  /** Parsed once a text: endpoints are read for every claim, and change seldom. */
  private readonly parsed = new Map<string, { text: string; endpoint: Endpoint }>();
  private readonly stamped: Stamped;
  /** All endpoints as they were under a stamp: thousands are not read anew while nobody changes one. */
  private listed: { stamp: string | null; at: number; all: readonly Endpoint[] } | null = null;

  /** @param vault seals secrets; without one, an endpoint that has any is refused */
  constructor(redis: Redis, scripts: Scripts, keys: Keys, vault: Vault = new Vault([])) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
    this.vault = vault;
    this.stamped = {
      hash: keys.registry.endpoints,
      beside: keys.registry.secrets,
      stamp: keys.registry.endpointsStamp,
    };
  }

  async get(kind: EndpointKind, id: string): Promise<Endpoint | null> {
    const name = endpointName(kind, id);
    const text = await this.redis.hget(this.keys.registry.endpoints, name);
    return text === null ? (builtIn.get(name) ?? null) : this.parse(name, text);
  }

  /**
   * An endpoint with the secret settings of its connector, as they belong together: read apart, a new token
   * could go to an old address. The secrets never leave the process except to their far side.
   */
  async whole(
    kind: EndpointKind,
    id: string,
  ): Promise<{ endpoint: Endpoint; secrets: SecretSettings } | null> {
    const name = endpointName(kind, id);
    const [text, sealed] = await readBoth(this.redis, this.stamped, name);
    const endpoint = text === null ? builtIn.get(name) : this.parse(name, text);
    if (!endpoint) return null;
    // Secrets without their endpoint are what a crash of an earlier version left.
    if (text === null || sealed === null) return { endpoint, secrets: {} };
    const opened: unknown = JSON.parse(await this.vault.open(sealed, name));
    return { endpoint, secrets: z.record(z.string(), z.unknown()).parse(opened) };
  }

  /**
   * Seals again whatever is not sealed with the present key; `plainOnly`: only what was never sealed.
   * Safe beside running processes. @throws SealedForGood when there is one that no key opens
   */
  async sealAll({ plainOnly }: { plainOnly: boolean }): Promise<{ all: number; sealed: number }> {
    const { secrets } = this.keys.registry;
    const stored = Object.entries(await this.redis.hgetall(secrets));
    let sealed = 0;
    for (const [name, before] of stored) {
      // Whoever cannot open what is there must not start.
      const text = await this.vault.open(before, name);
      if (plainOnly ? isSealed(before) : this.vault.isCurrent(before)) continue;
      const after = this.vault.seal(text, name);
      // One that was set anew in the meantime is not overwritten.
      if (await exchange(this.redis, secrets, name, before, after)) sealed += 1;
    }
    return { all: stored.length, sealed };
  }

  /** Endpoints whose secrets no key opens, and how many have any. Changes nothing. */
  async sealedForGood(): Promise<{ all: number; shut: string[] }> {
    const stored = Object.entries(await this.redis.hgetall(this.keys.registry.secrets));
    const shut: string[] = [];
    for (const [name, text] of stored)
      await this.vault.open(text, name).catch((error: unknown) => {
        if (!(error instanceof SealedForGood)) throw error;
        shut.push(name);
      });
    return { all: stored.length, shut };
  }

  /** Several at once, in the order asked; null where there is none. */
  async getMany(names: readonly string[]): Promise<(Endpoint | null)[]> {
    if (names.length === 0) return [];
    const texts = await this.redis.hmget(this.keys.registry.endpoints, ...names);
    return texts.map((text, n) => {
      const name = names[n] ?? '';
      return text === null ? (builtIn.get(name) ?? null) : this.parse(name, text);
    });
  }

  /** All, or all of a kind, by id. Without a kind it is the same array as long as nothing has changed. */
  async list(kind?: EndpointKind): Promise<readonly Endpoint[]> {
    // First the stamp: what is read after it can only be newer than it says.
    const stamp = await this.redis.get(this.stamped.stamp);
    const now = performance.now();
    if (!this.listed || this.listed.stamp !== stamp || now - this.listed.at > LIST_AGE_MS)
      this.listed = { stamp, at: now, all: await this.readAll() };
    const { all } = this.listed;
    return kind ? all.filter((endpoint) => endpoint.kind === kind) : all;
  }

  private async readAll(): Promise<readonly Endpoint[]> {
    const all = await this.redis.hgetall(this.stamped.hash);
    const stored = Object.entries(all).map(([name, text]) => this.parse(name, text));
    const others = [...builtIn].flatMap(([name, endpoint]) => (name in all ? [] : [endpoint]));
    return Object.freeze([...stored, ...others].sort((a, b) => inOrder.compare(a.id, b.id)));
  }

  /** Names of all blocking queues there should be. */
  async queueNames(): Promise<QueueName[]> {
    const names = await this.redis.hkeys(this.keys.registry.endpoints);
    return names.filter((name) => !name.startsWith('service.')).sort();
  }

  /** Names of all queues there ever were, the parallel one and deleted ones included. */
  everyQueueName(): Promise<QueueName[]> {
    return this.redis.hkeys(this.keys.registry.ordinals);
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
    if (endpoint.kind !== 'service') {
      // What a deletion left that was interrupted.
      if ((await this.redis.hexists(this.keys.registry.endpoints, name)) === 0)
        await this.vacate(name, false);
      await this.spreadIds(name);
    }
    const none = Object.keys(secrets).length === 0;
    const sealed = none ? null : this.vault.seal(JSON.stringify(secrets), name);
    const values = [JSON.stringify(endpoint), sealed] as const;
    return (await writeStamped(this.redis, this.stamped, name, values)) === 1;
  }

  delete(kind: EndpointKind, id: string): Promise<boolean> {
    return this.scripts.durability.cover(() => this.remove(kind, id), this.keys.registry.durable);
  }

  private async remove(kind: EndpointKind, id: string): Promise<boolean> {
    const name = endpointName(kind, id);
    const removed = await writeStamped(this.redis, this.stamped, name, [null, null]);
    if (kind !== 'service') await this.vacate(name, true);
    return removed === 1;
  }

  /** One that is put again under this id starts without the old rules and pause. */
  private async vacate(queue: QueueName, gone: boolean): Promise<void> {
    await this.scripts.run('vacate', this.keys.shardOf(queue), [queue, gone ? 1 : 0]);
  }

  /** The queue that a plain producer's id belongs to, from the ordinal in it. */
  async queueOfSpreadId(queueId: number): Promise<QueueName | null> {
    return this.redis.hget(
      this.keys.registry.queueOfOrdinal,
      String(Math.floor(queueId / ID_RANGE)),
    );
  }

  /**
   * Moves BullMQ's own counter of a queue to a range of its own, so that the ids which plain producers
   * get are unique over the whole system and never meet ours, which are below. Safe to repeat.
   */
  async spreadIds(queue: QueueName): Promise<void> {
    const { ordinals, lastOrdinal, queueOfOrdinal } = this.keys.registry;
    if ((await this.redis.hget(ordinals, queue)) === null) {
      let ordinal = await this.redis.incr(lastOrdinal);
      if (ordinal < FIRST_RANGE) ordinal = await this.redis.incrby(lastOrdinal, FIRST_RANGE);
      await this.redis.hsetnx(ordinals, queue, ordinal);
    }
    const ordinal = Number(await this.redis.hget(ordinals, queue));
    await this.redis.hset(queueOfOrdinal, String(ordinal), queue);
    await this.scripts.run('spread', this.keys.shardOf(queue), [queue, ordinal * ID_RANGE]);
  }

  private parse(name: string, text: string): Endpoint {
    const known = this.parsed.get(name);
    if (known?.text === text) return known.endpoint;
    const endpoint = Object.freeze(storedSchema.parse(JSON.parse(text)));
    this.parsed.set(name, { text, endpoint });
    return endpoint;
  }
}
