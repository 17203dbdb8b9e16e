import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { Conflict, messageOf, NotFound } from '../errors.js';
import { type Part, pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import type { Audit } from '../queues/audit.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import type { QueueStatus } from '../queues/status.js';
import type { Keys } from '../redis/keys.js';
import {
  type BulkResult,
  type BulkRun,
  type BulkWish,
  bulkVerbs,
  type Chosen,
  changedSince,
  portions,
} from './bulk-run.js';
import { skipScopes, type Transitions } from './transitions.js';

export interface BulkTools {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly finder: Finder;
  readonly transitions: Transitions;
  readonly audit: Audit;
  readonly log: Log;
  status(names: readonly string[]): Promise<QueueStatus[]>;
}

/** Times in milliseconds. */
export interface BulkTimes {
  /** How long a portion may take to end; then the rest is left. */
  readonly patienceMs: number;
  /** How often it is looked for what became of a portion. */
  readonly lookMs: number;
  /** For how long the process that does a run is believed to live after its last sign. */
  readonly leaseMs: number;
}

const standard: BulkTimes = { patienceMs: 600_000, lookMs: 500, leaseMs: 10_000 };

/** Items that are let go together, once the canary went well. */
const PORTION = 25;
/** How long a run can be looked at, in seconds, and how many are listed. */
const KEPT_S = 7 * 86_400;
const LISTED = 50;

const wishSchema = z.object({
  verb: z.enum(bulkVerbs),
  chosen: z.array(z.object({ queueId: z.number(), errorAt: z.string().nullable() })),
  canary: z.number(),
  actor: z.string(),
  reason: z.string().optional(),
  scope: z.enum(skipScopes).optional(),
  title: z.string(),
  startedAt: z.string(),
});

/** Who asked for a run. */
export interface Wisher {
  /** Whether they may do it to this item; asked for every one. */
  readonly allowed: (item: Item) => boolean;
}

/**
 * Retries or skips many failed items, in portions, and stops at the first that fails anew. What a run is at
 * stands in Redis after every item, so that any process shows it; when the one that does it ends, the run
 * stands still, with nothing half done, and says so.
 */
export class BulkRuns implements Part {
  readonly name = 'bulk runs';
  private readonly tools: BulkTools;
  private readonly times: BulkTimes;
  private readonly running = new Set<Promise<void>>();
  private readonly halt = new AbortController();

  constructor(tools: BulkTools, times: Partial<BulkTimes> = {}) {
    this.tools = tools;
    this.times = { ...standard, ...times };
  }

  async start(): Promise<void> {}

  /** Runs end after the item that they are at, and say that they were interrupted. */
  async stop(): Promise<void> {
    this.halt.abort();
    await Promise.all(this.running);
  }

  /** Begins at once; answers the run's id. */
  async begin(wish: BulkWish, wisher: Wisher): Promise<string> {
    const { redis, keys, audit } = this.tools;
    if (this.halt.signal.aborted) throw new Conflict('Andon is being stopped');
    const id = randomBytes(9).toString('base64url');
    const startedAt = new Date().toISOString();
    await redis
      .multi()
      .hset(keys.bulkRun(id), 'wish', JSON.stringify({ ...wish, startedAt }), 'state', 'running')
      .expire(keys.bulkRun(id), KEPT_S)
      .set(keys.bulkLease(id), '1', 'PX', this.times.leaseMs)
      .lpush(keys.registry.bulkRuns, id)
      .ltrim(keys.registry.bulkRuns, 0, LISTED - 1)
      .exec();
    await audit.write(wish.actor, `bulk-${wish.verb}`, {
      run: id,
      items: wish.chosen.length,
      canary: wish.canary,
      title: wish.title,
      reason: wish.reason,
      scope: wish.scope,
    });
    const work = this.work(id, wish, wisher).finally(() => this.running.delete(work));
    this.running.add(work);
    return id;
  }

  /** Ends before the next item. What was let go already runs on. @throws Conflict when it has ended */
  async cancel(id: string, actor: string): Promise<void> {
    const run = await this.get(id);
    if (!run) throw new NotFound(`there is no run ${id}`);
    if (run.state !== 'running') throw new Conflict(`the run is ${run.state} already`);
    const { redis, keys, audit } = this.tools;
    await redis.hset(keys.bulkRun(id), 'cancelledBy', actor);
    await audit.write(actor, 'bulk-cancel', { run: id, title: run.title });
  }

  async get(id: string): Promise<BulkRun | null> {
    const { redis, keys } = this.tools;
    const [hash, lease] = await Promise.all([
      redis.hgetall(keys.bulkRun(id)),
      redis.exists(keys.bulkLease(id)),
    ]);
    return hash['wish'] === undefined ? null : readRun(id, hash, lease === 1);
  }

  /** The newest first. */
  async list(): Promise<BulkRun[]> {
    const ids = await this.tools.redis.lrange(this.tools.keys.registry.bulkRuns, 0, -1);
    const runs = await Promise.all(ids.map((id) => this.get(id)));
    return runs.filter((run) => run !== null);
  }

  private async work(id: string, wish: BulkWish, wisher: Wisher): Promise<void> {
    const { redis, keys, log } = this.tools;
    const { leaseMs } = this.times;
    const renew = setInterval(() => {
      redis.set(keys.bulkLease(id), '1', 'PX', leaseMs).catch((error) => {
        log.warn({ run: id, error: messageOf(error) }, 'a bulk run could not say that it goes on');
      });
    }, leaseMs / 3);
    try {
      const [state, why] = await this.through(id, wish, wisher);
      await redis.hset(keys.bulkRun(id), { state, why, endedAt: new Date().toISOString() });
    } catch (error) {
      log.error({ run: id, error: messageOf(error) }, 'a bulk run ended in an error');
      await redis
        .hset(keys.bulkRun(id), { state: 'stopped', why: messageOf(error) })
        // Then its lease runs out, and it counts as interrupted.
        .catch((second) =>
          log.error({ run: id, error: messageOf(second) }, 'and could not say so'),
        );
    } finally {
      clearInterval(renew);
    }
  }

  private async through(
    id: string,
    wish: BulkWish,
    wisher: Wisher,
  ): Promise<[state: string, why: string]> {
    const { redis, keys } = this.tools;
    for (const [n, portion] of portions(wish, PORTION).entries()) {
      const phase = n === 0 && wish.canary > 0 ? 'canary' : 'rest';
      await redis.hset(keys.bulkRun(id), 'phase', phase);
      const taken: Taken[] = [];
      // Each goes to its queue's head, so the last one done ends up first: done newest first, they run oldest first.
      const order = wish.verb === 'retry' ? [...portion].reverse() : portion;
      for (const chosen of order) {
        const end = await this.ended(id);
        if (end) return end;
        const item = await this.act(id, wish, chosen, wisher);
        if (item) taken.push(item);
      }
      const bad = await this.outcome(id, wish, taken);
      if (bad) return bad;
    }
    return ['done', ''];
  }

  /** Somebody, or the end of the process, wants it to end. */
  private async ended(id: string): Promise<[string, string] | null> {
    if (this.halt.signal.aborted) return ['interrupted', 'Andon was stopped'];
    const { redis, keys } = this.tools;
    const by = await redis.hget(keys.bulkRun(id), 'cancelledBy');
    return by === null ? null : ['cancelled', `by ${by}`];
  }

  private async act(
    id: string,
    { verb, actor, reason, scope }: BulkWish,
    chosen: Chosen,
    wisher: Wisher,
  ): Promise<Taken | null> {
    const { finder, transitions } = this.tools;
    const found = await finder.item(chosen.queueId);
    const item = found && wisher.allowed(found) ? found : null;
    const changed = changedSince(chosen, item);
    if (changed || !item) {
      await this.note(id, chosen.queueId, { kind: 'left', say: changed ?? 'is gone' });
      return null;
    }
    const [before] = await this.tools.status([item.queue]);
    let along = 0;
    try {
      const failedAt = chosen.errorAt === null ? undefined : Date.parse(chosen.errorAt);
      if (verb === 'retry') await transitions.retry(item, actor, failedAt);
      else along = (await transitions.skip(item, { actor, reason, scope, failedAt })).length - 1;
    } catch (error) {
      if (!(error instanceof Conflict || error instanceof NotFound)) throw error;
      await this.note(id, chosen.queueId, { kind: 'left', say: messageOf(error) });
      return null;
    }
    await this.note(id, chosen.queueId, {
      kind: verb === 'retry' ? 'released' : 'done',
      say: along > 0 ? `with ${along} more that ${along === 1 ? 'was' : 'were'} queued` : undefined,
    });
    return { item, completed: before?.counts.completed ?? 0 };
  }

  private async note(id: string, queueId: number, result: BulkResult): Promise<void> {
    const { redis, keys } = this.tools;
    await redis.hset(keys.bulkRun(id), `item:${queueId}`, JSON.stringify(result));
  }

  /** Waits until a portion has ended; answers why the rest is to be left, or null. */
  private async outcome(
    id: string,
    { verb }: BulkWish,
    taken: readonly Taken[],
  ): Promise<[string, string] | null> {
    let awaited = [...taken];
    const deadline = Date.now() + this.times.patienceMs;
    let bad: string | null = null;
    while (awaited.length > 0) {
      const still: Taken[] = [];
      const ends = verb === 'retry' ? await this.ofRetried(awaited) : await this.ofQueues(awaited);
      for (const [n, one] of awaited.entries()) {
        const end = ends[n] ?? null;
        if (!end) still.push(one);
        else if (verb === 'retry') await this.note(id, one.item.queueId, end);
        if (end?.kind === 'failed') bad ??= `item ${end.by ?? one.item.queueId}: ${end.say ?? ''}`;
      }
      awaited = still;
      if (awaited.length === 0) break;
      if (bad) return ['stopped', bad];
      const end = await this.ended(id);
      if (end) return end;
      if (Date.now() > deadline) {
        const [first] = awaited;
        return ['stopped', `item ${first?.item.queueId} has not ended in time`];
      }
      await pause(this.times.lookMs, this.halt.signal);
    }
    return bad ? ['stopped', bad] : null;
  }

  /** What became of retried items; null where that is not known yet. */
  private async ofRetried(taken: readonly Taken[]): Promise<(End | null)[]> {
    const { finder } = this.tools;
    const found = await finder.items(taken.map(({ item }) => [item.queue, item.queueId]));
    const now = new Map(found.map((item) => [item.queueId, item]));
    const paused = await this.pausedOf(taken);
    return taken.map(({ item }) => {
      const is = now.get(item.queueId);
      // Only what was dealt with is ever removed.
      if (!is || is.state === 'completed') return { kind: 'done' };
      if (is.state === 'skipped' || is.state === 'resolved') {
        return { kind: 'done', say: `somebody has ${is.state} it` };
      }
      if (is.state === 'failed') return { kind: 'failed', say: is.error?.message ?? '' };
      const anew = is.error !== null && is.error.at !== item.error?.at;
      if (anew || is.held) {
        return { kind: 'failed', say: is.held?.reason ?? is.error?.message ?? '' };
      }
      const stands = is.state === 'waiting' && paused.has(is.queue);
      return stands ? { kind: 'released', say: 'waits, as its queue is paused' } : null;
    });
  }

  private async pausedOf(taken: readonly Taken[]): Promise<Set<string>> {
    const names = [...new Set(taken.map(({ item }) => item.queue))];
    const all = await this.tools.status(names);
    return new Set(all.filter(({ paused }) => paused).map(({ name }) => name));
  }

  /** Whether the queues of skipped items go on, or the next item fails too. */
  private async ofQueues(taken: readonly Taken[]): Promise<(End | null)[]> {
    const names = [...new Set(taken.map(({ item }) => item.queue))];
    const all = new Map((await this.tools.status(names)).map((one) => [one.name, one]));
    return taken.map(({ item, completed }) => {
      const queue = all.get(item.queue);
      if (queue?.mode !== 'blocking' || queue.paused) return { kind: 'done' };
      if (queue.blockedBy) {
        const { queueId, error } = queue.blockedBy;
        return { kind: 'failed', by: queueId, say: `behind the skipped one: ${error}` };
      }
      const empty = queue.counts.waiting === 0 && queue.counts.active === 0;
      const moved = queue.counts.completed > completed;
      return empty || moved || queue.heldBy !== null ? { kind: 'done' } : null;
    });
  }
}

interface Taken {
  readonly item: Item;
  /** Of its queue, before. */
  readonly completed: number;
}

interface End extends BulkResult {
  /** Another item than the one that was let go. */
  readonly by?: number;
}

function readRun(id: string, hash: Readonly<Record<string, string>>, alive: boolean): BulkRun {
  const wish = wishSchema.parse(JSON.parse(hash['wish'] ?? '{}'));
  const results = new Map<number, BulkResult>();
  for (const [name, text] of Object.entries(hash)) {
    if (name.startsWith('item:')) results.set(Number(name.slice(5)), JSON.parse(text));
  }
  const stored = z
    .enum(['running', 'done', 'stopped', 'cancelled', 'interrupted'])
    .parse(hash['state']);
  const dead = stored === 'running' && !alive;
  return {
    ...wish,
    id,
    state: dead ? 'interrupted' : stored,
    phase: hash['phase'] === 'canary' ? 'canary' : 'rest',
    why: dead ? 'the process that did it has ended' : (hash['why'] ?? ''),
    endedAt: hash['endedAt'] ?? null,
    results,
  };
}
