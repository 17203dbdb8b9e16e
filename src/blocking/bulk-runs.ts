import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Conflict, messageOf, NotFound } from '../errors.js';
import type { Part } from '../lifecycle.js';
import { type BulkResult, type BulkRun, type BulkWish, bulkVerbs } from './bulk-run.js';
import { type BulkTimes, type BulkTools, BulkWork, type Wisher } from './bulk-work.js';
import { skipScopes } from './transitions.js';

const standard: BulkTimes = { patienceMs: 600_000, lookMs: 500, leaseMs: 10_000 };

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
    await audit.write(actor, 'cancel', { run: id, title: run.title });
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
      const [state, why] = await new BulkWork(
        { id, wish, wisher },
        this.tools,
        this.times,
        this.halt.signal,
      ).through();
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
