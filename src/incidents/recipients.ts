import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  type AlertsConfig,
  type ListInput,
  listSchema,
  type OverrideInput,
  overrideSchema,
} from '../config/alerts-schema.js';
import { type Durability, local } from '../redis/durability.js';
import type { Keys } from '../redis/keys.js';
import type { Override, Routing, TopLevel } from './routing.js';

const VERSION = 'version';

/** Who is told: the top level of each client, and the overrides. Shared by all processes, kept in Redis. */
export class Recipients {
  private readonly redis: Redis;
  private readonly key: string;
  private readonly durability: Durability;
  private readonly durable: string;

  constructor(redis: Redis, keys: Keys, durability: Durability = local) {
    this.redis = redis;
    this.key = keys.alerts.routing;
    this.durability = durability;
    this.durable = keys.alertSlot.durable;
  }

  /** Grows with every change; '0' before the first. */
  async version(): Promise<string> {
    return (await this.redis.hget(this.key, VERSION)) ?? '0';
  }

  async all(): Promise<Routing & { readonly version: string }> {
    const fields = await this.redis.hgetall(this.key);
    const lists: TopLevel[] = [];
    const overrides: Override[] = [];
    for (const [field, text] of Object.entries(fields)) {
      if (field.startsWith('list:')) lists.push(readList(text));
      if (field.startsWith('override:')) overrides.push(readOverride(field.slice(9), text));
    }
    lists.sort((a, b) => (a.client ?? '').localeCompare(b.client ?? ''));
    overrides.sort((a, b) => a.id.localeCompare(b.id));
    return { lists, overrides, version: fields[VERSION] ?? '0' };
  }

  /** The list of a client, or of what belongs to none, becomes this one. */
  async putList(input: ListInput): Promise<TopLevel> {
    const text = JSON.stringify(input);
    await this.change((multi) => multi.hset(this.key, `list:${input.client ?? ''}`, text));
    return readList(text);
  }

  /** @param id of the one to change; a new one is made without. */
  async putOverride(
    input: OverrideInput,
    id = `o${randomBytes(4).toString('hex')}`,
  ): Promise<Override> {
    const text = JSON.stringify(input);
    await this.change((multi) => multi.hset(this.key, `override:${id}`, text));
    return readOverride(id, text);
  }

  async override(id: string): Promise<Override | null> {
    const text = await this.redis.hget(this.key, `override:${id}`);
    return text === null ? null : readOverride(id, text);
  }

  async deleteOverride(id: string): Promise<void> {
    await this.change((multi) => multi.hdel(this.key, `override:${id}`));
  }

  /** Reads the settings file in, at the first start only. Answers whether it did. */
  async seed({ lists, overrides }: Pick<AlertsConfig, 'lists' | 'overrides'>): Promise<boolean> {
    if ((await this.redis.hsetnx(this.key, VERSION, 1)) === 0) return false;
    for (const list of lists) await this.putList(list);
    for (const override of overrides) await this.putOverride(override);
    return lists.length + overrides.length > 0;
  }

  /** What the settings file says otherwise than it is kept, as places in that file. */
  async unlike({ lists, overrides }: Pick<AlertsConfig, 'lists' | 'overrides'>): Promise<string[]> {
    const kept = await this.all();
    const texts = new Set(kept.lists.map((list) => JSON.stringify(list)));
    const others = new Set(kept.overrides.map((one) => JSON.stringify({ ...one, id: '' })));
    return [
      ...lists.flatMap((list, n) =>
        texts.has(JSON.stringify(readList(JSON.stringify(list)))) ? [] : `alerts.lists.${n}`,
      ),
      ...overrides.flatMap((one, n) =>
        others.has(JSON.stringify(readOverride('', JSON.stringify(one))))
          ? []
          : `alerts.overrides.${n}`,
      ),
    ];
  }

  private async change(
    write: (multi: ReturnType<Redis['multi']>) => ReturnType<Redis['multi']>,
  ): Promise<void> {
    const all = write(this.redis.multi()).hincrby(this.key, VERSION, 1);
    await this.durability.cover(() => all.exec(), this.durable);
  }
}

function readList(text: string): TopLevel {
  const { client, recipients, successes, escalation } = listSchema.parse(JSON.parse(text));
  return { client: client ?? null, recipients, successes, escalation: escalation ?? null };
}

function readOverride(id: string, text: string): Override {
  const override = overrideSchema.parse(JSON.parse(text));
  return { ...override, id, client: override.client ?? null };
}
