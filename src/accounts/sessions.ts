import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys } from '../redis/keys.js';

const storedSchema = z.object({
  user: z.string(),
  createdAt: z.number(),
  seenAt: z.number(),
  /** Where it was opened: address and browser, so that its owner knows it again. */
  address: z.string(),
  agent: z.string(),
});
type Stored = z.infer<typeof storedSchema>;

/** One login. `id` is no secret: it is the hash under which the session is stored. */
export interface Session extends Stored {
  readonly id: string;
}

export interface SessionTimes {
  /** A session nobody uses ends after this. Milliseconds. */
  readonly idleMs: number;
  /** A session ends after this however much it is used. Milliseconds. */
  readonly absoluteMs: number;
}

/** A session that ended while its last request runs must not come back by the note of that use. */
const TOUCH = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** Sessions that one user has at once; with more the oldest end. */
const MANY = 100;

const hashOf = (secret: string) => createHash('sha256').update(secret).digest('base64url');

/** Who is logged in. The browser holds 256 random bits; Redis holds their hash. */
export class Sessions {
  private readonly redis: Redis;
  private readonly keys: Keys['registry'];
  private readonly times: SessionTimes;

  constructor(redis: Redis, keys: Keys, times: SessionTimes) {
    this.redis = redis;
    this.keys = keys.registry;
    this.times = times;
  }

  /** Opens a session and answers the secret for the cookie, this once. */
  async open(user: string, address: string, agent: string): Promise<string> {
    const secret = randomBytes(32).toString('base64url');
    const now = Date.now();
    const stored: Stored = {
      user,
      createdAt: now,
      seenAt: now,
      address: address.slice(0, 100),
      agent: agent.slice(0, 200),
    };
    const id = hashOf(secret);
    // The list first: a session that cannot be listed could not be ended.
    const end = now + this.times.absoluteMs;
    await this.forgetEnded(user, now);
    await this.redis.hset(this.keys.sessionsOf + user, id, String(end));
    await this.redis.pexpire(this.keys.sessionsOf + user, this.times.absoluteMs);
    const { idleMs, absoluteMs } = this.times;
    const text = JSON.stringify(stored);
    await this.redis.set(this.keys.session + id, text, 'PX', Math.min(idleMs, absoluteMs));
    return secret;
  }

  /** The session of a cookie; null when it ended. `use` says that its owner did something. */
  async find(secret: string, use: boolean): Promise<Session | null> {
    const id = hashOf(secret);
    const text = await this.redis.get(this.keys.session + id);
    if (text === null) return null;
    const session = { id, ...storedSchema.parse(JSON.parse(text)) };
    if (use) await this.touch(session);
    return session;
  }

  /** Its owner's sessions, newest first. */
  async list(user: string): Promise<Session[]> {
    const ids = await this.redis.hkeys(this.keys.sessionsOf + user);
    if (ids.length === 0) return [];
    const texts = await this.redis.mget(ids.map((id) => this.keys.session + id));
    const gone = ids.filter((_, n) => texts[n] === null);
    if (gone.length > 0) await this.redis.hdel(this.keys.sessionsOf + user, ...gone);
    return ids
      .flatMap((id, n) => {
        const text = texts[n];
        return text ? [{ id, ...storedSchema.parse(JSON.parse(text)) }] : [];
      })
      .sort((a, b) => b.createdAt - a.createdAt);
  }

  async end({ id, user }: Pick<Session, 'id' | 'user'>): Promise<void> {
    await this.redis.del(this.keys.session + id);
    await this.redis.hdel(this.keys.sessionsOf + user, id);
  }

  /** Ends all sessions of a user, or all but one; answers how many there were. */
  async endAll(user: string, except?: string): Promise<number> {
    const ids = await this.redis.hkeys(this.keys.sessionsOf + user);
    const ended = ids.filter((id) => id !== except);
    if (ended.length === 0) return 0;
    const count = await this.redis.del(ended.map((id) => this.keys.session + id));
    await this.redis.hdel(this.keys.sessionsOf + user, ...ended);
    return count;
  }

  /** A program that logs in again and again must not make the list grow for ever. */
  private async forgetEnded(user: string, now: number): Promise<void> {
    const list = this.keys.sessionsOf + user;
    if ((await this.redis.hlen(list)) < MANY) return;
    const ends = Object.entries(await this.redis.hgetall(list)).map(
      ([id, end]): [string, number] => [id, Number(end)],
    );
    const old = ends.filter(([, end]) => end <= now).map(([id]) => id);
    // Still too many: those that were opened first.
    const rest = ends.filter(([, end]) => end > now).sort(([, a], [, b]) => a - b);
    const excess = rest.slice(0, Math.max(0, rest.length - MANY + 1)).map(([id]) => id);
    const gone = [...old, ...excess];
    if (gone.length === 0) return;
    await this.redis.del(gone.map((id) => this.keys.session + id));
    await this.redis.hdel(list, ...gone);
  }

  private async touch(session: Session): Promise<void> {
    const { idleMs, absoluteMs } = this.times;
    const now = Date.now();
    // Nobody needs to know it to the second, and a write a request would cost more than the page.
    if (now - session.seenAt < idleMs / 30) return;
    const left = Math.min(idleMs, session.createdAt + absoluteMs - now);
    const { id, ...stored } = session;
    const text = JSON.stringify({ ...stored, seenAt: now });
    if (left > 0) await this.redis.eval(TOUCH, 1, this.keys.session + id, text, Math.ceil(left));
  }
}

/** The token that each form of a session carries: another site can make neither it nor the cookie. */
export function formToken(secret: string): string {
  return createHmac('sha256', secret).update('andon form').digest('base64url');
}

export function isFormToken(secret: string, given: unknown): boolean {
  if (typeof given !== 'string') return false;
  const [a, b] = [formToken(secret), given].map((text) =>
    createHash('sha256').update(text).digest(),
  );
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
