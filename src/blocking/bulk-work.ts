import type { Redis } from 'ioredis';
import { Conflict, messageOf, NotFound, ReasonNeeded } from '../errors.js';
import { pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import type { Audit } from '../queues/audit.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import type { QueueStatus } from '../queues/status.js';
import type { Keys } from '../redis/keys.js';
import { becameOf, type End, type Taken } from './bulk-outcome.js';
import { type BulkResult, type BulkWish, type Chosen, changedSince, portions } from './bulk-run.js';
import type { Transitions } from './transitions.js';

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

/** What somebody may do. */
export interface Rights {
  allowed(item: Item): boolean;
}

/** Who asked for a run. */
export interface Wisher {
  /** What they may do at present, asked before every item; null when they may do no such thing any more. */
  rights(): Promise<Rights | null>;
}

/** Items that are let go together, once the canary went well. */
const PORTION = 25;

/** How a run ended, and why. */
export type Ending = [state: string, why: string];

/** One run on its way, item by item and portion by portion; where it is stands in Redis after each. */
export class BulkWork {
  private readonly id: string;
  private readonly wish: BulkWish;
  private readonly wisher: Wisher;
  private readonly tools: BulkTools;
  private readonly times: BulkTimes;
  private readonly halt: AbortSignal;

  /** @param halt the process ends */
  constructor(
    { id, wish, wisher }: { id: string; wish: BulkWish; wisher: Wisher },
    tools: BulkTools,
    times: BulkTimes,
    halt: AbortSignal,
  ) {
    this.id = id;
    this.wish = wish;
    this.wisher = wisher;
    this.tools = tools;
    this.times = times;
    this.halt = halt;
  }

  async through(): Promise<Ending> {
    const { id, wish } = this;
    const { redis, keys } = this.tools;
    for (const [n, portion] of portions(wish, PORTION).entries()) {
      const phase = n === 0 && wish.canary > 0 ? 'canary' : 'rest';
      await redis.hset(keys.bulkRun(id), 'phase', phase);
      const taken: Taken[] = [];
      // Each goes to its queue's head, so the last one done ends up first: done newest first, they run oldest first.
      const order = wish.verb === 'retry' ? [...portion].reverse() : portion;
      for (const chosen of order) {
        const end = await this.ended();
        if (end) return end;
        const rights = await this.wisher.rights();
        if (!rights) return this.unwanted;
        const item = await this.act(chosen, rights);
        if (item) taken.push(item);
      }
      const bad = await this.outcome(taken);
      if (bad) return bad;
    }
    return ['done', ''];
  }

  /** Somebody, or the end of the process, wants it to end. */
  private async ended(): Promise<Ending | null> {
    if (this.halt.aborted) return ['interrupted', 'Andon was stopped'];
    const { redis, keys } = this.tools;
    const by = await redis.hget(keys.bulkRun(this.id), 'cancelledBy');
    return by === null ? null : ['cancelled', `by ${by}`];
  }

  private get unwanted(): Ending {
    const { actor, verb } = this.wish;
    return ['stopped', `${actor}, who began it, may ${verb} nothing any more`];
  }

  private async act(chosen: Chosen, rights: Rights): Promise<Taken | null> {
    const { verb, actor, reason, scope } = this.wish;
    const { finder, transitions } = this.tools;
    const found = await finder.item(chosen.queueId);
    const item = found && rights.allowed(found) ? found : null;
    const changed = changedSince(chosen, item);
    if (changed || !item) {
      await this.note(chosen.queueId, { kind: 'left', say: changed ?? 'is gone' });
      return null;
    }
    const [before] = await this.tools.status([item.queue]);
    let along = 0;
    try {
      const failedAt = chosen.errorAt === null ? undefined : Date.parse(chosen.errorAt);
      if (verb === 'retry') await transitions.retry(item, actor, failedAt);
      else along = (await transitions.skip(item, { actor, reason, scope, failedAt })).length - 1;
    } catch (error) {
      if (![Conflict, NotFound, ReasonNeeded].some((kind) => error instanceof kind)) throw error;
      await this.note(chosen.queueId, { kind: 'left', say: messageOf(error) });
      return null;
    }
    await this.note(chosen.queueId, {
      kind: verb === 'retry' ? 'released' : 'done',
      say: along > 0 ? `with ${along} more that ${along === 1 ? 'was' : 'were'} queued` : undefined,
    });
    return { item, completed: before?.counts.completed ?? 0 };
  }

  /** Behind a skipped item another one may fail, which is not theirs to see. */
  private async told({ by, say = '' }: End, { item }: Taken): Promise<string> {
    if (by === undefined) return `item ${item.queueId}: ${say}`;
    const [rights, other] = [await this.wisher.rights(), await this.tools.finder.item(by)];
    if (!other || rights?.allowed(other)) return `item ${by}: ${say}`;
    return `behind item ${item.queueId} an item of somebody else has failed`;
  }

  private async note(queueId: number, result: BulkResult): Promise<void> {
    const { redis, keys } = this.tools;
    await redis.hset(keys.bulkRun(this.id), `item:${queueId}`, JSON.stringify(result));
  }

  /** Waits until a portion has ended; answers why the rest is to be left, or null. */
  private async outcome(taken: readonly Taken[]): Promise<Ending | null> {
    const { verb } = this.wish;
    let awaited = [...taken];
    const deadline = Date.now() + this.times.patienceMs;
    let bad: string | null = null;
    while (awaited.length > 0) {
      const still: Taken[] = [];
      const ends = await becameOf(this.tools, verb, awaited);
      for (const [n, one] of awaited.entries()) {
        const end = ends[n] ?? null;
        if (!end) still.push(one);
        else if (verb === 'retry') await this.note(one.item.queueId, end);
        if (end?.kind === 'failed') bad ??= await this.told(end, one);
      }
      awaited = still;
      if (awaited.length === 0) break;
      if (bad) return ['stopped', bad];
      const end = await this.ended();
      if (end) return end;
      if (Date.now() > deadline) {
        const [first] = awaited;
        return ['stopped', `item ${first?.item.queueId} has not ended in time`];
      }
      await pause(this.times.lookMs, this.halt);
    }
    return bad ? ['stopped', bad] : null;
  }
}
