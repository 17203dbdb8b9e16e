import type { Redis } from 'ioredis';
import type { Claimed, Deliveries, SlotKind } from '../blocking/deliveries.js';
import { messageOf } from '../errors.js';
import { type Part, pause, within } from '../lifecycle.js';
import type { Log } from '../log.js';
import { isCluster } from '../redis/cluster.js';
import type { Keys, ShardKeys } from '../redis/keys.js';
import type { Meter } from './meter.js';

/** How long a blocking pop waits, in seconds. Redis times out a client's silence well above it. */
const WAIT_SECONDS = 5;
/** How often an idle crew looks for work in a Cluster, in milliseconds. */
const LOOK_MS = 50;
/** How long a crew that stops tries to give back what nobody delivers, in milliseconds. */
const UNCLAIM_MS = 1_000;

/**
 * The slots of one kind in this process: waits for queues that are ready, claims as many as there
 * are free slots, and has each drained. One blocking connection, whatever the number of queues.
 */
export class Crew implements Part {
  readonly name: string;
  readonly kind: SlotKind;
  readonly slots: number;
  private readonly keys: Keys;
  private readonly deliveries: Deliveries;
  private readonly blocking: Redis;
  private readonly drain: (claim: Claimed) => Promise<void>;
  private readonly token: () => string;
  private readonly meter: Meter;
  private readonly log: Log;
  private readonly stopped = new AbortController();
  private readonly busy = new Set<Promise<void>>();
  /** Tokens of claims that were sent and not answered: what they took, if anything, nobody delivers. */
  private readonly unanswered = new Map<ShardKeys, string>();
  /** Called when a slot becomes free, while the loop waits for one. */
  private slotFreed: () => void = () => {};
  private loop: Promise<void> | null = null;
  /** When the loop last came round, by the monotonic clock; a watchdog reads it. */
  private turnedAt = performance.now();

  constructor(options: {
    kind: SlotKind;
    slots: number;
    keys: Keys;
    deliveries: Deliveries;
    blocking: Redis;
    token: () => string;
    drain: (claim: Claimed) => Promise<void>;
    meter: Meter;
    log: Log;
  }) {
    this.name = `${options.kind} crew`;
    this.kind = options.kind;
    this.slots = options.slots;
    this.keys = options.keys;
    this.deliveries = options.deliveries;
    this.blocking = options.blocking;
    this.token = options.token;
    this.drain = options.drain;
    this.meter = options.meter;
    this.log = options.log;
  }

  /** Milliseconds since the loop last came round; 0 while every slot works, which is no silence. */
  get silenceMs(): number {
    return this.busy.size >= this.slots ? 0 : performance.now() - this.turnedAt;
  }

  /** Slots that do nothing now. */
  get free(): number {
    return Math.max(0, this.slots - this.busy.size);
  }

  async start(): Promise<void> {
    this.loop ??= this.run();
  }

  /** Claims no more. Deliveries that run go on: `idle` tells when they are through. */
  async stop(): Promise<void> {
    this.stopped.abort();
    this.blocking.disconnect(); // ends the pop that waits
    await this.loop;
    const back = Promise.all([...this.unanswered.keys()].map((shard) => this.unclaim(shard)));
    await within(UNCLAIM_MS, back, 'no answer').catch(() => {}); // then the locks run out
  }

  async idle(): Promise<void> {
    while (this.busy.size > 0) await Promise.all(this.busy);
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      this.turnedAt = performance.now();
      try {
        if (this.busy.size >= this.slots) await this.freeSlot();
        else if ((await this.claimAll()) === 0) await this.wait();
      } catch (error) {
        if (this.stopped.signal.aborted) return;
        this.log.debug({ error: messageOf(error) }, `${this.name}: Redis is away, trying again`);
        await pause(200, this.stopped.signal);
      }
    }
  }

  private async claimAll(): Promise<number> {
    let claimed = 0;
    for (const shard of this.keys.shards) {
      const free = this.slots - this.busy.size;
      if (free > 0) claimed += await this.claimFrom(shard, free);
    }
    return claimed;
  }

  private async claimFrom(shard: ShardKeys, free: number): Promise<number> {
    await this.unclaim(shard);
    const token = this.token();
    this.unanswered.set(shard, token);
    // A few at a time: the script holds Redis while it runs.
    const claims = await this.deliveries.claim(shard, this.kind, Math.min(free, 32), token);
    this.unanswered.delete(shard);
    if (claims.length > 0) this.meter.claimed(this.kind, claims.length);
    for (const claim of claims) {
      const work = this.drain(claim).finally(() => {
        this.busy.delete(work);
        this.slotFreed();
      });
      this.busy.add(work);
    }
    return claims.length;
  }

  /**
   * Before the next claim, so that a worker whose replies are lost again and again holds nothing up, and no
   * item gets a death for it.
   */
  private async unclaim(shard: ShardKeys): Promise<void> {
    const token = this.unanswered.get(shard);
    if (token === undefined) return;
    const back = await this.deliveries.unclaim(shard, token);
    this.unanswered.delete(shard);
    if (back > 0) this.log.warn({ back }, 'a claim was not answered; what it took is back');
  }

  private freeSlot(): Promise<void> {
    return new Promise((resolve) => {
      this.slotFreed = resolve;
    });
  }

  private async wait(): Promise<void> {
    const wakes = this.keys.shards.map((shard) =>
      this.kind === 'blocking' ? shard.wakeBlocking : shard.wakeParallel,
    );
    // One pop cannot wait in several slots, and a connection a shard would be many: we look again soon.
    if (isCluster(this.blocking)) await pause(LOOK_MS, this.stopped.signal);
    else await this.blocking.bzpopmin(...wakes, WAIT_SECONDS);
  }
}
