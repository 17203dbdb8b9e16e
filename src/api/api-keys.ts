import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { Caller, type Scope, scopes } from '../accounts/caller.js';
import { type Durability, local } from '../redis/durability.js';
import type { Keys } from '../redis/keys.js';

const storedSchema = z.object({
  /** SHA-256 of the secret, which has 256 bits of its own and so needs no slow hash. */
  hash: z.string(),
  scopes: z.array(z.enum(scopes)),
  description: z.string(),
  client: z.string().nullable(),
  channels: z.array(z.string()).nullable(),
  sources: z.array(z.string()).nullable(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
});
type Stored = z.infer<typeof storedSchema>;

/** What a key may do and see; null is no limit. */
export interface KeyGrant {
  readonly scopes: readonly Scope[];
  readonly description: string;
  readonly client: string | null;
  readonly channels: readonly string[] | null;
  readonly sources: readonly string[] | null;
}

/** An API key as it may be shown: everything but the secret. */
export type KeyCard = Omit<Stored, 'hash'> & { readonly id: string };

const USE_NOTED_EVERY_MS = 60_000;

/** A key that is revoked while its last request runs must not come back by the note of that use. */
const REPLACE = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])`;

const digest = (secret: string) => createHash('sha256').update(secret).digest();

/** The API keys of this installation. Only hashes are stored; a secret is seen once, when it is made. */
export class ApiKeys {
  private readonly redis: Redis;
  private readonly hash: string;
  private readonly durability: Durability;
  private readonly durable: string;
  private readonly noted = new Map<string, number>();

  constructor(redis: Redis, keys: Keys, durability: Durability = local) {
    this.redis = redis;
    this.durability = durability;
    this.durable = keys.registry.durable;
    this.hash = keys.registry.apiKeys;
  }

  /** Makes a key, or one with a given id and secret (`id.secret`). Answers it whole, this once. */
  async create(grant: KeyGrant, given?: string): Promise<{ key: string; card: KeyCard }> {
    const [id, secret] = split(given) ?? [
      randomBytes(6).toString('hex'),
      randomBytes(32).toString('base64url'),
    ];
    const stored: Stored = {
      hash: digest(secret).toString('base64url'),
      scopes: [...grant.scopes],
      description: grant.description,
      client: grant.client,
      channels: grant.channels ? [...grant.channels] : null,
      sources: grant.sources ? [...grant.sources] : null,
      createdAt: new Date().toISOString(),
      lastUsedAt: null,
    };
    await this.durability.cover(
      () => this.redis.hset(this.hash, id, JSON.stringify(stored)),
      this.durable,
    );
    return { key: `${id}.${secret}`, card: cardOf(id, stored) };
  }

  async list(): Promise<KeyCard[]> {
    const all = await this.redis.hgetall(this.hash);
    return Object.entries(all)
      .map(([id, text]) => cardOf(id, storedSchema.parse(JSON.parse(text))))
      .sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  }

  async count(): Promise<number> {
    return this.redis.hlen(this.hash);
  }

  async revoke(id: string): Promise<boolean> {
    return (await this.durability.cover(() => this.redis.hdel(this.hash, id), this.durable)) === 1;
  }

  /** Who presents `id.secret`; null when the key is not known. Compares in constant time. */
  async verify(presented: string): Promise<Caller | null> {
    const parts = split(presented);
    if (!parts) return null;
    const [id, secret] = parts;
    const text = await this.redis.hget(this.hash, id);
    const stored = text === null ? null : storedSchema.parse(JSON.parse(text));
    const expected = stored ? Buffer.from(stored.hash, 'base64url') : Buffer.alloc(32);
    if (!timingSafeEqual(digest(secret), expected) || !stored) return null;
    await this.noteUse(id, stored);
    return callerOf(id, stored);
  }

  /** Somebody who came with a key, with the rights of now; null when it was revoked. */
  async anew(actor: string): Promise<Caller | null> {
    if (!actor.startsWith(KEY)) return null;
    const id = actor.slice(KEY.length);
    const text = await this.redis.hget(this.hash, id);
    return text === null ? null : callerOf(id, storedSchema.parse(JSON.parse(text)));
  }

  private async noteUse(id: string, stored: Stored): Promise<void> {
    const now = Date.now();
    if (now - (this.noted.get(id) ?? 0) < USE_NOTED_EVERY_MS) return;
    this.noted.set(id, now);
    const used: Stored = { ...stored, lastUsedAt: new Date(now).toISOString() };
    await this.redis.eval(REPLACE, 1, this.hash, id, JSON.stringify(used));
  }
}

/** Before the id, in the audit. */
const KEY = 'key ';

function callerOf(id: string, { scopes, client, channels, sources }: Stored): Caller {
  const clients = client === null ? null : [client];
  return new Caller(`${KEY}${id}`, scopes, { clients, channels, sources });
}

function split(key: string | undefined): [string, string] | null {
  const dot = key?.indexOf('.') ?? -1;
  return key && dot > 0 && dot < key.length - 1 ? [key.slice(0, dot), key.slice(dot + 1)] : null;
}

function cardOf(id: string, { hash: _, ...shown }: Stored): KeyCard {
  return { id, ...shown };
}
