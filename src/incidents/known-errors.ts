import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import type { Finder } from '../queues/find.js';
import type { Keys } from '../redis/keys.js';

/** What an entry advises. `wait`: it heals by itself. */
export const adviceVerbs = ['retry', 'edit', 'skip', 'resolve', 'wait'] as const;
export type AdviceVerb = (typeof adviceVerbs)[number];

const sentence = (longest: number) => z.string().trim().min(1).max(longest);
const names = z.array(sentence(64)).max(50).default([]);

export const knownErrorSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{1,62}$/, 'small letters, digits and dashes'),
  /** Parts of the error's text, capitals or not; one of them must be there. `*` stands for anything. */
  text: z.array(sentence(200)).min(1).max(50),
  /** Instructions and types of connectors that it is about; none means all. */
  instruction: names,
  connector: names,
  /** What lies behind it. */
  cause: sentence(500),
  /** What to do, so that somebody who never saw it can. */
  todo: sentence(1_000),
  verb: z.enum(adviceVerbs),
  /** Who must act. */
  who: sentence(100),
});
export type KnownError = Readonly<z.infer<typeof knownErrorSchema>>;

/** How an entry is there: as shipped, shipped and changed here, written here, or shipped and taken out here. */
export type Origin = 'shipped' | 'changed' | 'own' | 'removed';

export interface BookEntry extends KnownError {
  readonly origin: Origin;
  /** Items whose advice was followed, and those of them that were then done. */
  readonly followed: number;
  readonly worked: number;
}

/** A failure, as far as the book asks. */
export interface Known {
  readonly message: string;
  readonly instruction: string;
  readonly connector: string | null;
  readonly status?: number | undefined;
}

/** Reads `config/known-errors.yaml`, which ships with the program. Throws when it is not well-formed. */
export function shippedErrors(
  file: URL = new URL('../../config/known-errors.yaml', import.meta.url),
): KnownError[] {
  return z.array(knownErrorSchema).parse(parseYaml(readFileSync(file, 'utf8')));
}

/** The entry that says most about a failure, or null: a named instruction counts most, then the connector, then the longer text. */
export function adviceFor<T extends KnownError>(entries: readonly T[], failure: Known): T | null {
  let best: T | null = null;
  let most = 0;
  const words = `${failure.message} ${failure.status ?? ''}`.toLowerCase();
  for (const entry of entries) {
    const score = fits(entry, failure, words);
    if (score > most) [best, most] = [entry, score];
  }
  return best;
}

function fits({ text, instruction, connector }: KnownError, failure: Known, words: string): number {
  if (instruction.length > 0 && !instruction.includes(failure.instruction)) return 0;
  if (connector.length > 0 && !connector.includes(failure.connector ?? '')) return 0;
  const longest = Math.max(
    0,
    ...text.filter((part) => contains(words, part.toLowerCase())).map((part) => part.length),
  );
  if (longest === 0) return 0;
  return longest + (instruction.length > 0 ? 2_000 : 0) + (connector.length > 0 ? 1_000 : 0);
}

/**
 * Plain parts in their order, no pattern language: however an entry is written, a look costs little.
 * A number is found as a whole only: 401 is not in A-4015.
 */
function contains(message: string, pattern: string): boolean {
  if (/^\d+$/.test(pattern)) return message.split(/[^\w-]+/).includes(pattern);
  let at = 0;
  for (const part of pattern.split('*')) {
    const found = message.indexOf(part.trim(), at);
    if (found < 0) return false;
    at = found + part.trim().length;
  }
  return true;
}

/** At most so many items that followed an advice are looked after at a time. */
const MOST_PENDING = 1_000;

/**
 * What is known about errors: the shipped entries, over them what admins wrote (in Redis), and how often
 * the advice worked.
 */
export class KnownErrors {
  private readonly redis: Redis;
  private readonly keys: Keys;
  private readonly shipped: readonly KnownError[];

  constructor(redis: Redis, keys: Keys, shipped: readonly KnownError[] = shippedErrors()) {
    this.redis = redis;
    this.keys = keys;
    this.shipped = shipped;
  }

  /** Every entry by its id, also those taken out. */
  async all(): Promise<BookEntry[]> {
    const [own, counts] = await Promise.all([
      this.redis.hgetall(this.keys.registry.knownErrors),
      this.redis.hgetall(this.keys.registry.knownErrorCounts),
    ]);
    const entries = new Map<string, KnownError & { origin: Origin }>();
    for (const entry of this.shipped) entries.set(entry.id, { ...entry, origin: 'shipped' });
    for (const [id, text] of Object.entries(own)) {
      const shipped = entries.get(id);
      const written = text === REMOVED ? null : knownErrorSchema.parse(JSON.parse(text));
      if (written) entries.set(id, { ...written, origin: shipped ? 'changed' : 'own' });
      else if (shipped) entries.set(id, { ...shipped, origin: 'removed' });
    }
    return [...entries.values()]
      .map((entry) => ({
        ...entry,
        followed: Number(counts[`${entry.id}:followed`] ?? 0),
        worked: Number(counts[`${entry.id}:worked`] ?? 0),
      }))
      .sort((a, b) => a.id.localeCompare(b.id));
  }

  /** Those that advise. */
  async entries(): Promise<BookEntry[]> {
    return (await this.all()).filter(({ origin }) => origin !== 'removed');
  }

  async put(entry: KnownError): Promise<void> {
    await this.redis.hset(this.keys.registry.knownErrors, entry.id, JSON.stringify(entry));
  }

  /** Takes an entry out: one that was written here is gone, a shipped one can be had back. */
  async remove(id: string): Promise<void> {
    if (this.isShipped(id)) await this.redis.hset(this.keys.registry.knownErrors, id, REMOVED);
    else await this.redis.hdel(this.keys.registry.knownErrors, id);
  }

  /** A shipped entry as it was shipped. */
  async restore(id: string): Promise<void> {
    await this.redis.hdel(this.keys.registry.knownErrors, id);
  }

  isShipped(id: string): boolean {
    return this.shipped.some((entry) => entry.id === id);
  }

  /** Somebody did with an item what the book advises for its error; anything else is not counted. */
  async noteVerb(queueId: number, failure: Known, verb: AdviceVerb): Promise<void> {
    const advice = adviceFor(await this.entries(), failure);
    if (advice?.verb !== verb) return;
    await this.redis.hset(this.keys.registry.knownErrorsFollowed, String(queueId), advice.id);
    await this.redis.hincrby(this.keys.registry.knownErrorCounts, `${advice.id}:followed`, 1);
  }

  /** Looks what became of the items whose advice was followed, and counts each once. */
  async tally(finder: Finder): Promise<void> {
    const [, flat] = await this.redis.hscan(
      this.keys.registry.knownErrorsFollowed,
      0,
      'COUNT',
      MOST_PENDING,
    );
    for (let n = 0; n + 1 < flat.length; n += 2) {
      const [queueId = '', id = ''] = flat.slice(n, n + 2);
      const item = await finder.item(Number(queueId));
      if (item && open.has(item.state)) continue;
      // Two processes may look at once; only the one that takes it out counts it.
      const mine = await this.redis.hdel(this.keys.registry.knownErrorsFollowed, queueId);
      // Of what has ended only what was dealt with is ever removed.
      if (mine === 1 && item?.state !== 'failed')
        await this.redis.hincrby(this.keys.registry.knownErrorCounts, `${id}:worked`, 1);
    }
  }
}

const REMOVED = 'removed';
const open: ReadonlySet<string> = new Set(['waiting', 'active', 'backing-off']);
