import type { Redis } from 'ioredis';
import { z } from 'zod';
import { crashPoint } from '../crash-points.js';
import {
  type Claim,
  claimSchema,
  type Incident,
  incidentSchema,
  type Trouble,
  troubleSchema,
} from '../incidents/incident.js';
import type { Keys } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';

/** Closed incidents that are kept to look at. */
const KEEP_CLOSED = 1_000;

/** One line of what the alerter writes: see `tell.lua`. */
export type Entry = readonly [
  what:
    | 'incident'
    | 'close'
    | 'trouble'
    | 'settle'
    | 'mail'
    | 'sent'
    | 'cursor'
    | 'success'
    | 'notice',
  which: string | number,
  value: string | number,
];

/** Another process has taken over, or the lease ran out: what was known is not to be trusted any more. */
export class LeaseLost extends Error {
  constructor() {
    super('another process tells of incidents now');
    this.name = 'LeaseLost';
  }
}

/** The incidents as they stand in Redis, and the lease without which nothing is written there. */
export class Ledger {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;

  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
  }

  /**
   * Whether this process may tell. `token` must be new for every time that the lease is won: it is also
   * the fence that every write is checked against.
   */
  async lead(token: string, leaseMs: number): Promise<'won' | 'held' | 'no'> {
    const key = this.keys.alerts.lease;
    crashPoint('before-lead');
    if ((await this.redis.set(key, token, 'PX', leaseMs, 'NX')) === 'OK') {
      crashPoint('after-lead');
      return 'won';
    }
    if ((await this.redis.get(key)) !== token) return 'no';
    await this.redis.pexpire(key, leaseMs);
    return 'held';
  }

  /** Lets another process go on at once. */
  async leave(token: string): Promise<void> {
    if ((await this.redis.get(this.keys.alerts.lease)) === token) {
      await this.redis.del(this.keys.alerts.lease);
    }
  }

  /** All or nothing. @throws LeaseLost when another holds the lease: then nothing was written */
  async write(token: string, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const args = [token, KEEP_CLOSED, ...entries.flat()];
    if ((await this.scripts.run('tell', this.keys.alertSlot, args)) !== 1) throw new LeaseLost();
  }

  async nextIncident(): Promise<number> {
    crashPoint('before-number');
    const number = await this.redis.incr(this.keys.alerts.lastIncident);
    crashPoint('after-number');
    return number;
  }

  /** Incidents that are open, or of whose end not everybody was told. */
  async open(): Promise<Incident[]> {
    const ids = await this.redis.zrange(this.keys.alerts.open, '0', '-1');
    if (ids.length === 0) return [];
    const texts = await this.redis.hmget(this.keys.alerts.incidents, ...ids);
    return texts.flatMap((text) => (text === null ? [] : incidentSchema.parse(JSON.parse(text))));
  }

  async troubles(): Promise<Trouble[]> {
    const texts = await this.redis.hvals(this.keys.alerts.troubles);
    return texts.map((text) => troubleSchema.parse(JSON.parse(text)));
  }

  /** Mails that were decided on and are perhaps not enqueued yet: key → the item, whole. */
  outbox(): Promise<Record<string, string>> {
    return this.redis.hgetall(this.keys.alerts.outbox);
  }

  /** Up to when the completed items of queues were told of. */
  cursors(): Promise<Record<string, string>> {
    return this.redis.hgetall(this.keys.alerts.cursors);
  }

  /** Successes that were not told yet, by address. */
  successes(): Promise<Record<string, string>> {
    return this.redis.hgetall(this.keys.alerts.successes);
  }

  async claims(): Promise<Map<number, Claim>> {
    const texts = await this.redis.hgetall(this.keys.alerts.claims);
    return new Map(
      Object.entries(texts).map(([id, text]) => [Number(id), claimSchema.parse(JSON.parse(text))]),
    );
  }

  /** Which of these items are mails of the alerts. */
  async mailsAmong(queueIds: readonly number[]): Promise<Set<number>> {
    if (queueIds.length === 0) return new Set();
    const scores = await this.redis.zmscore(this.keys.alerts.mailIds, ...queueIds.map(String));
    const known = z.array(z.string().nullable()).parse(scores);
    return new Set(queueIds.filter((_, n) => known[n] !== null));
  }

  /** Forgets mails that were enqueued before a time. */
  async forgetMails(before: number): Promise<void> {
    await this.redis.zremrangebyscore(this.keys.alerts.mailIds, '-inf', before);
  }
}
