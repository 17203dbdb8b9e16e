import type { Redis } from 'ioredis';
import { z } from 'zod';
import { idSchema } from '../config/endpoint-schema.js';
import { type Durability, local } from '../redis/durability.js';
import type { Keys } from '../redis/keys.js';
import { roles } from './roles.js';

/** Names are compared without regard to capitals, so they are kept in small letters. */
export const userNameSchema = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9._@+-]{1,64}$/, 'must be 1 to 64 letters, digits or one of . _ @ + -');

export const passwordSchema = z
  .string()
  .min(12, 'must have 12 characters or more')
  .max(256, 'must have at most 256 characters');

export const clientsSchema = z.array(idSchema).min(1).max(200).nullable();

const storedSchema = z.object({
  name: z.string(),
  /** How colleagues call this person. */
  fullName: z.string(),
  role: z.enum(roles),
  /** Clients whose sources and channels this user sees; null is all of them. */
  clients: clientsSchema,
  disabled: z.boolean(),
  /** Null for those who log in at another provider only. */
  passwordHash: z.string().nullable(),
  /** `issuer subject` of the provider that this user logs in at. */
  provider: z.string().nullable(),
  createdAt: z.string(),
  lastLoginAt: z.string().nullable(),
});
type Stored = Readonly<z.infer<typeof storedSchema>>;

/** A user as it may be shown. */
export type User = Omit<Stored, 'passwordHash'> & { readonly hasPassword: boolean };

/** Sets a field of a user only while that user exists: a login must not bring a removed one back. */
const CHANGE = `
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text ~= ARGV[2] then return 0 end
return 1 + redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])`;

/** The people who may log in. */
export class Users {
  private readonly redis: Redis;
  private readonly hash: string;
  private readonly durability: Durability;
  private readonly durable: string;

  constructor(redis: Redis, keys: Keys, durability: Durability = local) {
    this.redis = redis;
    this.hash = keys.registry.users;
    this.durability = durability;
    this.durable = keys.registry.durable;
  }

  async get(name: string): Promise<User | null> {
    const stored = await this.stored(name);
    return stored && shown(stored);
  }

  async passwordHash(name: string): Promise<string | null> {
    return (await this.stored(name))?.passwordHash ?? null;
  }

  async list(): Promise<User[]> {
    const all = await this.redis.hvals(this.hash);
    return all
      .map((text) => shown(storedSchema.parse(JSON.parse(text))))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  count(): Promise<number> {
    return this.redis.hlen(this.hash);
  }

  /** Answers false when there is one of that name already. */
  async add(user: Omit<Stored, 'createdAt' | 'lastLoginAt'>): Promise<boolean> {
    const stored: Stored = { ...user, createdAt: new Date().toISOString(), lastLoginAt: null };
    const write = () => this.redis.hsetnx(this.hash, user.name, JSON.stringify(stored));
    return (await this.durability.cover(write, this.durable)) === 1;
  }

  /** Answers the user as it was and is, or null when there is none. Two changes at once both count. */
  change(
    name: string,
    change: Partial<Omit<Stored, 'name' | 'createdAt' | 'lastLoginAt'>>,
  ): Promise<{ before: User; after: User } | null> {
    return this.durability.cover(() => this.write(name, change), this.durable);
  }

  /** Somebody logged in: that is worth noting, and not worth keeping anybody out while a replica is away. */
  async noteLogin(name: string): Promise<void> {
    await this.write(name, { lastLoginAt: new Date().toISOString() });
  }

  private async write(
    name: string,
    change: Partial<Omit<Stored, 'name' | 'createdAt'>>,
  ): Promise<{ before: User; after: User } | null> {
    for (;;) {
      const text = await this.redis.hget(this.hash, name);
      if (text === null) return null;
      const before = storedSchema.parse(JSON.parse(text));
      const after: Stored = { ...before, ...change };
      if (await this.redis.eval(CHANGE, 1, this.hash, name, text, JSON.stringify(after))) {
        return { before: shown(before), after: shown(after) };
      }
    }
  }

  private async stored(name: string): Promise<Stored | null> {
    const text = await this.redis.hget(this.hash, name);
    return text === null ? null : storedSchema.parse(JSON.parse(text));
  }
}

function shown({ passwordHash, ...rest }: Stored): User {
  return { ...rest, hasPassword: passwordHash !== null };
}
