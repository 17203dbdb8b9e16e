import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys } from './keys.js';

/** A process that has not been heard of for so long counts as gone. Milliseconds. */
export const PRESENT_MS = 30_000;

const cardSchema = z.object({
  /** Random, a process's own. */
  id: z.string(),
  roles: z.array(z.string()),
  version: z.string(),
  host: z.string(),
  pid: z.number(),
  /** ISO 8601, UTC. */
  since: z.string(),
});
/** A process of this installation, as the others see it. */
export type ProcessCard = z.infer<typeof cardSchema>;

/** Which processes of this installation run now. */
export class Presence {
  private readonly redis: Redis;
  private readonly cards: string;
  private readonly lease: string;

  constructor(redis: Redis, keys: Keys) {
    this.redis = redis;
    this.cards = keys.registry.processes;
    this.lease = keys.registry.processLease;
  }

  /** To be repeated well within `PRESENT_MS`. */
  async sign(card: ProcessCard): Promise<void> {
    await this.redis.set(this.lease + card.id, '1', 'PX', PRESENT_MS);
    await this.redis.hset(this.cards, card.id, JSON.stringify(card));
  }

  async leave(id: string): Promise<void> {
    await this.redis.del(this.lease + id);
    await this.redis.hdel(this.cards, id);
  }

  /** Those that deliver items. A worker that was killed counts for `PRESENT_MS` yet. */
  async workers(): Promise<ProcessCard[]> {
    return (await this.all()).filter(({ roles }) => roles.includes('worker'));
  }

  /** Those that run, longest first. Those that died are forgotten on the way. */
  async all(): Promise<ProcessCard[]> {
    const cards = Object.entries(await this.redis.hgetall(this.cards));
    if (cards.length === 0) return [];
    const leases = await this.redis.mget(...cards.map(([id]) => this.lease + id));
    const gone = cards.filter((_, n) => leases[n] === null).map(([id]) => id);
    if (gone.length > 0) await this.redis.hdel(this.cards, ...gone);
    return cards
      .filter((_, n) => leases[n] !== null)
      .map(([, text]) => cardSchema.parse(JSON.parse(text)))
      .sort((a, b) => a.since.localeCompare(b.since));
  }
}
