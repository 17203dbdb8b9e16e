import type { Retention } from '../config/schema.js';
import { type Entity, entityText } from '../instructions/entity.js';
import type { Accepted } from '../queues/enqueue.js';
import { type Item, type Part, pairs, readItem } from '../queues/item.js';
import { posted } from '../queues/outbox.js';
import type { Keys, QueueName, ShardKeys } from '../redis/keys.js';
import type { Reply, ScriptName, Scripts } from '../redis/script.js';

/** An item that this process delivers now. */
export interface Claimed {
  readonly item: Item;
  /** Grows with every claim; a late result under an older one changes nothing. */
  readonly fence: number;
  /** Owner of the lock. */
  readonly token: string;
  /**
   * When it was asked for, by this process's own monotonic clock: the lock lasts from then at the least. The answer
   * may have come much later.
   */
  readonly askedAt: number;
}

export interface Failure {
  readonly message: string;
  readonly cause: string;
  readonly status?: number | undefined;
}

/** What became of a delivered item; `postponed`: it was not sent after all. */
export type Became = 'completed' | 'failed' | 'backing-off' | 'held' | 'postponed';

/** What became of settling a delivery: stored, or refused because the lock was lost meanwhile. */
export type Settled =
  | { readonly stored: true; readonly became: Became; readonly next: Claimed | null }
  | { readonly stored: false };

/** Which slots of a worker a queue's items take. */
export type SlotKind = 'blocking' | 'parallel';

/** `lock`: the claim's token, '.', the fence of the first item of the run, '#', and the fence of this one. */
type Taken = [queue: string, id: string, lock: string, fields: string[]];

/** Parts of one item that are kept: they all lie in its hash. */
const PARTS_MOST = 5_000;

/** Items that one step of retention removes: about 2 ms of Redis. */
const STEP = 100;
/** A skip can be taken back for so long at the least. */
const UNDO_MS = 7 * 24 * 3_600_000;

/** What the fleet does to items: claim, settle, keep, hand back. Each verb is one script. */
export class Deliveries {
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  private readonly lockMs: number;
  private readonly worker: string;
  private readonly keep: number;

  constructor(
    scripts: Scripts,
    keys: Keys,
    options: { lockMs: number; worker: string; keepFinished: number },
  ) {
    this.scripts = scripts;
    this.keys = keys;
    this.lockMs = options.lockMs;
    this.worker = options.worker;
    this.keep = options.keepFinished;
  }

  /** Heads of up to `slots` ready queues of a shard. */
  async claim(shard: ShardKeys, kind: SlotKind, slots: number, token: string): Promise<Claimed[]> {
    const askedAt = performance.now();
    const reply = await this.scripts.run('claim', shard, [
      kind,
      slots,
      token,
      this.lockMs,
      this.worker,
    ]);
    return (reply as unknown as Taken[]).map((taken) => claimed(taken, askedAt));
  }

  /**
   * What a claim took whose reply was lost is at its head again, as if it had never been claimed. Answers how
   * many there were.
   */
  async unclaim(shard: ShardKeys, token: string): Promise<number> {
    return Number(await this.scripts.run('unclaim', shard, [token]));
  }

  /**
   * `more`: take the next item of the queue in the same step.
   * @param found it was not sent again: a look at the far side found it done
   * @param request what was asked of the far side, in a few words
   */
  complete(
    claim: Claimed,
    result: unknown,
    more: boolean,
    {
      found = false,
      followUps = [],
      request = '',
    }: { found?: boolean; followUps?: readonly Accepted[]; request?: string | undefined } = {},
  ): Promise<Settled> {
    return this.settle('complete', 'completed', claim, JSON.stringify(result ?? null), more, [
      this.keep,
      found ? 1 : 0,
      request,
      ...posted(followUps, this.keys),
    ]);
  }

  /** @param known false: whether an attempt at it was carried out, nobody knows; that stays with the item */
  fail(claim: Claimed, failure: Failure, more: boolean, known = true): Promise<Settled> {
    return this.settle('fail', 'failed', claim, wellFormed(failure), more, [known ? 1 : 0]);
  }

  /** The item's next automatic try comes after `waitMs`; it counts as a try. `known` as in `fail`. */
  backOff(
    claim: Claimed,
    failure: Failure,
    waitMs: number,
    more: boolean,
    known = true,
  ): Promise<Settled> {
    const delivered = known ? 1 : 'unknown';
    return this.settle('hold', 'backing-off', claim, wellFormed(failure), more, [
      waitMs,
      'back-off',
      delivered,
      0,
    ]);
  }

  /**
   * The far side is not to be bothered for `waitMs`; no try is counted. `known` as in `fail`.
   * @param answered how often in succession it answered a ping and the item failed all the same
   */
  hold(
    claim: Claimed,
    failure: Failure,
    waitMs: number,
    more: boolean,
    answered = 0,
    known = true,
  ): Promise<Settled> {
    const delivered = known ? 1 : 'unknown';
    const rest = [waitMs, 'hold', delivered, answered];
    return this.settle('hold', 'held', claim, wellFormed(failure), more, rest);
  }

  /** As `hold`, or for want of room in a rate limit; the far side saw nothing of the item, so no attempt is counted. */
  postpone(
    claim: Claimed,
    kind: 'hold' | 'rate',
    failure: Failure,
    waitMs: number,
    more: boolean,
  ): Promise<Settled> {
    return this.settle('hold', 'postponed', claim, wellFormed(failure), more, [waitMs, kind, 0, 0]);
  }

  /** Before the far side of an item on hold is asked (`asks`), and before it is delivered after all. False: the lock is lost. */
  async ask(claim: Claimed, asks: boolean): Promise<boolean> {
    const { queue, queueId } = claim.item;
    const args = [queue, queueId, claim.token, asks ? 1 : 0];
    return Number(await this.scripts.run('ask', this.keys.shardOf(queue), args)) === 1;
  }

  /**
   * One more start at an endpoint with a rate limit: 0 when there is room for it, or after how many
   * milliseconds to ask again. `beside`: others may wait at the same time, so each gets a turn of its own.
   */
  async start(
    endpoint: string,
    limit: { max: number; periodMs: number },
    beside: boolean,
  ): Promise<number> {
    const shard = this.keys.shardOf(endpoint);
    const args = [endpoint, limit.max, limit.periodMs, beside ? 1 : 0];
    return Number(await this.scripts.run('rate', shard, args));
  }

  /**
   * Written down before an item goes out that must not go out twice: should nobody live to tell what became
   * of it, the next to claim the item knows. False when the lock is lost: then it must not go out at all.
   */
  async begin({ item, token }: Claimed): Promise<boolean> {
    const args = [item.queue, item.queueId, token];
    return Number(await this.scripts.run('begin', this.keys.shardOf(item.queue), args)) === 1;
  }

  /** Stores what became of one part of an item. @throws when the lock is lost or there are too many parts */
  async report({ item, token }: Claimed, part: Part): Promise<void> {
    const field = `part:${part.kind}:${part.key}`;
    const stored = await this.note(item, token, field, JSON.stringify(part));
    if (stored < 0) throw new Error(`an item has at most ${PARTS_MOST} parts`);
    if (stored === 0)
      throw new Error(`the lock of item ${item.queueId} is lost: nothing was stored`);
  }

  /** How far the delivery is. Nobody is told when the lock is lost: then it no longer matters. */
  async progress({ item, token }: Claimed, value: unknown): Promise<void> {
    await this.note(item, token, 'progress', JSON.stringify(value));
  }

  private async note(item: Item, token: string, field: string, json: string): Promise<number> {
    const args = [item.queue, item.queueId, token, field, json, PARTS_MOST];
    return Number(await this.scripts.run('report', this.keys.shardOf(item.queue), args));
  }

  /** An unfinished item becomes the head again. Answers false when the lock was lost before. */
  async giveBack(claim: Claimed): Promise<boolean> {
    const { queue, queueId } = claim.item;
    const reply = await this.scripts.run('giveback', this.keys.shardOf(queue), [
      queue,
      queueId,
      claim.token,
    ]);
    return Number((reply as Reply[])[0]) >= 0;
  }

  /** The item's lock was lost, but not because it killed its worker. */
  async pardon({ item }: Claimed): Promise<void> {
    await this.scripts.run('pardon', this.keys.shardOf(item.queue), [item.queue, item.queueId]);
  }

  /** Prolongs the locks of running deliveries; answers those that lost theirs. */
  async renew(claims: readonly Claimed[]): Promise<Claimed[]> {
    const lost: Claimed[] = [];
    for (const shard of this.keys.shards) {
      const here = claims.filter((claim) => this.keys.shardOf(claim.item.queue) === shard);
      if (here.length === 0) continue;
      const args = here.flatMap(({ item, token }) => [item.queue, item.queueId, token]);
      const reply = await this.scripts.run('renew', shard, [this.lockMs, ...args]);
      for (const index of reply as number[]) {
        const claim = here[index];
        if (claim) lost.push(claim);
      }
    }
    return lost;
  }

  /** Releases holds that are over and puts items of dead workers back at their head. */
  async tend(
    shard: ShardKeys,
    maxDeaths: number,
  ): Promise<{ released: number; recovered: number; failed: number }> {
    const [released = 0, recovered = 0, failed = 0] = (await this.scripts.run('tend', shard, [
      maxDeaths,
    ])) as number[];
    return { released, recovered, failed };
  }

  /** Wakes queues that have work nobody announced; answers how many there were. */
  async sweep(shard: ShardKeys, queues: readonly QueueName[]): Promise<number> {
    return Number(await this.scripts.run('sweep', shard, [this.lockMs, ...queues]));
  }

  /** Looks at these ids in the list of all; answers how many it lacks, 0 when it is right. */
  async enroll(shard: ShardKeys, queueIds: readonly string[]): Promise<number> {
    return Number(await this.scripts.run('enroll', shard, queueIds));
  }

  /**
   * One small step of forgetting what was dealt with and kept for long enough. Answers how many went, and
   * with which of the queues to go on, from 1; 0 when all are through.
   */
  async forget(
    shard: ShardKeys,
    { completed, skipped, resolved, audit }: Retention,
    queues: readonly QueueName[],
  ): Promise<[gone: number, goOn: number]> {
    const kept = [completed, skipped, resolved].flatMap(({ count, ageMs }) => [count, ageMs]);
    const args = [STEP, ...kept, UNDO_MS, audit.count, audit.ageMs, ...queues];
    const [gone = 0, goOn = 0] = (await this.scripts.run('forget', shard, args)) as number[];
    return [gone, goOn];
  }

  /** Gives an item of a plain BullMQ producer what the enqueue would have given it. */
  async adopt(
    item: Item,
    found: { title: string; entity: Entity | null; barrier: string; client: string | null },
  ): Promise<void> {
    await this.scripts.run('adopt', this.keys.shardOf(item.queue), [
      item.queue,
      item.queueId,
      found.title,
      found.entity ? entityText(found.entity) : '',
      found.barrier,
      item.channel ?? '',
      item.source ?? '',
      found.client ?? '',
    ]);
  }

  private async settle(
    script: ScriptName,
    became: Became,
    claim: Claimed,
    payload: string,
    more: boolean,
    rest: readonly (string | number)[] = [],
  ): Promise<Settled> {
    const { queue, queueId } = claim.item;
    const askedAt = performance.now();
    const [code, next] = (await this.scripts.run(script, this.keys.shardOf(queue), [
      queue,
      queueId,
      claim.token,
      payload,
      more ? 1 : 0,
      this.lockMs,
      this.worker,
      ...rest,
    ])) as [number, Taken | undefined];
    if (code < 0) return { stored: false };
    return { stored: true, became, next: next ? claimed(next, askedAt) : null };
  }
}

function claimed([queue, id, lock, fields]: Taken, askedAt: number): Claimed {
  const item = readItem(queue, Number(id), 'active', 0, pairs(fields));
  return { item, fence: Number(lock.split('#').at(-1)), token: lock, askedAt };
}

/** Half of a character pair, as a cut-off text may end with, is no JSON that Lua reads. */
const wellFormed = (failure: Failure): string =>
  JSON.stringify(failure, (_, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  );
