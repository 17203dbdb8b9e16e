import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Durability, local } from '../redis/durability.js';
import { exchange, removeBoth } from '../redis/exchange.js';
import type { Keys } from '../redis/keys.js';
import type { Vault } from '../secrets/vault.js';

const storedSchema = z.object({
  id: z.string(),
  url: z.string(),
  description: z.string(),
  client: z.string().nullable(),
  /** The events it takes; null for all. */
  events: z.array(z.string()).nullable(),
  /** Set when it answered that it is gone, until a person enables it again. ISO 8601. */
  disabled: z.object({ at: z.string(), reason: z.string() }).nullable(),
});

/** An address that `send_webhook` may send to. */
export type Webhook = Readonly<z.infer<typeof storedSchema>>;

const secretsSchema = z.object({
  secret: z.string(),
  /** Signs as well until then, in milliseconds since 1970: receivers change over in their own time. */
  former: z.object({ secret: z.string(), until: z.number() }).nullable(),
});

/** The registered webhooks of this installation, and what they are signed with. */
export class Webhooks {
  private readonly redis: Redis;
  private readonly keys: Keys;
  private readonly vault: Vault;
  private readonly durability: Durability;

  constructor(redis: Redis, keys: Keys, vault: Vault, durability: Durability = local) {
    this.redis = redis;
    this.keys = keys;
    this.vault = vault;
    this.durability = durability;
  }

  async get(id: string): Promise<Webhook | null> {
    const text = await this.redis.hget(this.keys.registry.webhooks, id);
    return text === null ? null : read(text);
  }

  async list(): Promise<Webhook[]> {
    return (await this.redis.hvals(this.keys.registry.webhooks))
      .map(read)
      .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  }

  /**
   * Creates or changes. @param secret used only when there is none yet
   * @returns what signs it when it is new, else null
   */
  put(webhook: Webhook, secret: string): Promise<string | null> {
    return this.safely(() => this.store(webhook, secret));
  }

  private async store(webhook: Webhook, secret: string): Promise<string | null> {
    const { secrets, webhooks } = this.keys.registry;
    const name = placeOf(webhook.id);
    const sealed = this.vault.seal(JSON.stringify({ secret, former: null }), name);
    await this.redis.hsetnx(secrets, name, sealed);
    const created = (await this.redis.hset(webhooks, webhook.id, JSON.stringify(webhook))) === 1;
    // Whoever else made it in this moment, or died over it, may have stored the secret.
    return created ? ((await this.secrets(webhook.id))[0] ?? null) : null;
  }

  delete(id: string): Promise<void> {
    const { secrets, webhooks } = this.keys.registry;
    // In one step: the secret that is left would sign for whoever registers this id next.
    return this.safely(() => removeBoth(this.redis, [webhooks, id], [secrets, placeOf(id)]));
  }

  /** What its deliveries are signed with now, the newest first. */
  async secrets(id: string): Promise<string[]> {
    const stored = await this.redis.hget(this.keys.registry.secrets, placeOf(id));
    if (stored === null) return [];
    const { secret, former } = await this.opened(stored, id);
    return former && former.until > Date.now() ? [secret, former.secret] : [secret];
  }

  /** From now on `secret` signs, and until then the present one does too. False when somebody else did so just now. */
  async rotate(id: string, secret: string, until: number): Promise<boolean> {
    const { secrets } = this.keys.registry;
    const name = placeOf(id);
    const stored = await this.redis.hget(secrets, name);
    if (stored === null) return false;
    const former = { secret: (await this.opened(stored, id)).secret, until };
    const sealed = this.vault.seal(JSON.stringify({ secret, former }), name);
    return this.safely(() => exchange(this.redis, secrets, name, stored, sealed));
  }

  /** Disables with a reason, or enables with null; false when it was changed or removed in the meantime. */
  async disable(id: string, reason: string | null): Promise<boolean> {
    const { webhooks } = this.keys.registry;
    const before = await this.redis.hget(webhooks, id);
    if (before === null) return false;
    const disabled = reason === null ? null : { at: new Date().toISOString(), reason };
    const after = JSON.stringify({ ...read(before), disabled });
    return this.safely(() => exchange(this.redis, webhooks, id, before, after));
  }

  private safely<T>(write: () => Promise<T>): Promise<T> {
    return this.durability.cover(write, this.keys.registry.durable);
  }

  private async opened(stored: string, id: string) {
    return secretsSchema.parse(JSON.parse(await this.vault.open(stored, placeOf(id))));
  }
}

const read = (text: string): Webhook => Object.freeze(storedSchema.parse(JSON.parse(text)));

/** Where its secrets are kept, among those of the endpoints. */
const placeOf = (id: string): string => `webhook.${id}`;
