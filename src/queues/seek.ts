import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Entity, entityText, parseEntity } from '../instructions/entity.js';
import type { Keys, QueueName } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import { time } from './item.js';

/** "Keep skipping until the next add": who said so, when, why, and when it ends at the latest. */
export interface Rule {
  readonly queue: QueueName;
  /** Whose items it skips; undefined for one of an older release: those of all clients. */
  readonly client: string | null | undefined;
  readonly at: string | null;
  readonly actor: string;
  readonly reason: string;
  readonly until: string | null;
}

const ruleSchema = z.object({
  at: z.number(),
  actor: z.string(),
  reason: z.string().default(''),
  until: z.union([z.string(), z.number()]).default(''),
});

/** Items that one script looks at: it holds Redis while it runs. */
const CHUNK = 2_000;

/** Queue ids that fit, newest first, and how many items were looked at for them. */
export interface Sifted {
  readonly queueIds: readonly number[];
  readonly looked: number;
}

/** Finds by indexes and narrow looks what people type into one box. Reads no item as a whole. */
export class Seeker {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;

  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
  }

  /** Entities whose key is or begins with a text, in alphabetical order: so one that is exactly it comes first. */
  async entities(text: string, from: number, count: number): Promise<Entity[]> {
    const start = Buffer.from(`[${small(text)}`);
    const end = Buffer.concat([start, Buffer.from([0xff])]);
    const lists = await Promise.all(
      this.keys.shards.map((shard) =>
        this.redis.zrangebylex(
          this.keys.ours(shard, 'entities'),
          start,
          end,
          'LIMIT',
          0,
          from + count,
        ),
      ),
    );
    // In a cluster one entity may be in several shards.
    const members = [...new Set(lists.flat())].sort((a, b) => (a < b ? -1 : 1));
    return members
      .slice(from, from + count)
      .flatMap((member) => parseEntity(member.slice(member.indexOf('\n') + 1)) ?? []);
  }

  /** Queue ids of the items of an entity, newest first. */
  async itemsOf(entity: Entity, count: number): Promise<number[]> {
    const lists = await Promise.all(
      this.keys.shards.map((shard) =>
        this.redis.zrange(
          this.keys.entity(shard, entityText(entity)),
          '0',
          String(count - 1),
          'REV',
        ),
      ),
    );
    return lists
      .flat()
      .map(Number)
      .sort((a, b) => b - a)
      .slice(0, count);
  }

  /** Failed items with that text in error or instruction. @param most failed items that are looked at, newest first */
  failures(text: string, most: number): Promise<Sifted> {
    return this.sift('failed', text, most);
  }

  /** Items with that text in title or instruction. @param most items that are looked at, those that came last */
  newest(text: string, most: number): Promise<Sifted> {
    return this.sift('newest', text, most);
  }

  /** Since when, by whom and why these clients' items of an entity are skipped by a rule, in these queues. */
  async rules(
    queues: readonly QueueName[],
    entity: Entity,
    clients: readonly (string | null)[],
  ): Promise<Rule[]> {
    const name = entityText(entity);
    const places = queues.flatMap((queue) =>
      [...clients, undefined].map((client) => ({ queue, client })),
    );
    const found = await Promise.all(
      places.map(({ queue, client }) =>
        this.redis.hget(this.keys.rules(queue), this.keys.ruleOf(client, name)),
      ),
    );
    return places.flatMap((place, n) => {
      const rule = readRule(found[n] ?? null);
      return rule ? [{ ...place, ...rule }] : [];
    });
  }

  private async sift(what: 'failed' | 'newest', text: string, most: number): Promise<Sifted> {
    const each = Math.ceil(most / this.keys.shards.length);
    const found = await Promise.all(
      this.keys.shards.map(async (shard) => {
        const queueIds: number[] = [];
        let looked = 0;
        while (looked < each) {
          const wanted = Math.min(CHUNK, each - looked);
          const reply = await this.scripts.run('sift', shard, [what, small(text), looked, wanted]);
          const [seen = 0, ...ids] = (reply as (string | number)[]).map(Number);
          queueIds.push(...ids);
          looked += seen;
          if (seen < wanted) break;
        }
        return { queueIds, looked };
      }),
    );
    return {
      queueIds: found.flatMap((one) => one.queueIds),
      looked: found.reduce((sum, one) => sum + one.looked, 0),
    };
  }
}

/** As Lua does it, which knows the letters of ASCII only. */
const small = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Null for none, and for one whose time is over: it goes with the next item. */
function readRule(text: string | null): Omit<Rule, 'queue' | 'client'> | null {
  if (text === null) return null;
  const { at, actor, reason, until } = ruleSchema.parse(JSON.parse(text));
  if (until !== '' && Number(until) < Date.now()) return null;
  return { at: time(String(at)), actor, reason, until: time(String(until)) };
}
