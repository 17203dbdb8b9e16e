import type { Claimed, Deliveries } from '../blocking/deliveries.js';
import { messageOf } from '../errors.js';
import type { Part } from '../lifecycle.js';
import type { Log } from '../log.js';
import { type Meter, noMeter } from './meter.js';

/** Why a delivery is aborted from inside. */
export class LockLost extends Error {
  constructor(queueId: number) {
    super(`the lock of item ${queueId} was lost: somebody else delivers it now`);
    this.name = 'LockLost';
  }
}

/** Renewals in the length of a lock; several may fail before it is given up. */
const TURNS = 5;

interface Kept {
  readonly claim: Claimed;
  readonly abort: AbortController;
  /** When the lock ends unless it is renewed, by this process's own monotonic clock. */
  until: number;
  /** The delivery is over and its result is being stored, which ends the lock: no loss. */
  settling: boolean;
}

/** A lock that is kept for a delivery. */
export interface KeptLock {
  /** Aborts when the lock is lost. */
  readonly signal: AbortSignal;
  abort(reason: Error): void;
  /** Before something is sent. @throws LockLost when the lock may have ended, though no turn has noticed yet */
  check(): void;
  /** The delivery is over: the lock is still renewed, but its end is no longer a loss. */
  settling(): void;
  release(): void;
}

/**
 * Keeps the locks of all running deliveries by one timer. A delivery whose lock is lost, or could
 * not be renewed for its whole length, is aborted at once: another worker may have its item.
 */
export class LockKeeper implements Part {
  readonly name = 'lock keeper';
  private readonly deliveries: Deliveries;
  private readonly lockMs: number;
  private readonly log: Log;
  private readonly meter: Pick<Meter, 'lockLost'>;
  private readonly kept = new Set<Kept>();
  private timer: NodeJS.Timeout | undefined;
  private renewing = false;

  constructor(
    deliveries: Deliveries,
    lockMs: number,
    log: Log,
    meter: Pick<Meter, 'lockLost'> = noMeter,
  ) {
    this.deliveries = deliveries;
    this.lockMs = lockMs;
    this.log = log;
    this.meter = meter;
  }

  async start(): Promise<void> {
    this.timer = setInterval(() => void this.turn(), this.lockMs / TURNS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
  }

  /** Keeps the lock of `claim` until `release` is called; `signal` aborts when it is lost. */
  keep(claim: Claimed): KeptLock {
    const abort = new AbortController();
    const kept: Kept = { claim, abort, until: claim.askedAt + this.lockMs, settling: false };
    this.kept.add(kept);
    if (this.isOver(kept)) this.lose(kept);
    return {
      signal: abort.signal,
      abort: (reason) => abort.abort(reason),
      check: () => {
        if (this.isOver(kept)) this.lose(kept);
        abort.signal.throwIfAborted();
      },
      settling: () => {
        kept.settling = true;
      },
      release: () => this.kept.delete(kept),
    };
  }

  private async turn(): Promise<void> {
    for (const kept of this.kept) if (this.isOver(kept)) this.lose(kept);
    if (this.renewing || this.kept.size === 0) return;
    this.renewing = true;
    const before = [...this.kept];
    const askedAt = performance.now();
    try {
      const lost = new Set(await this.deliveries.renew(before.map((kept) => kept.claim)));
      for (const kept of before) {
        if (!lost.has(kept.claim)) kept.until = askedAt + this.lockMs;
        else this.lose(kept);
      }
    } catch (error) {
      this.log.warn({ error: messageOf(error) }, 'locks could not be renewed, trying again');
    } finally {
      this.renewing = false;
    }
  }

  /** Before the lock ends, not after: then somebody else may deliver already. */
  private isOver({ until }: Kept): boolean {
    return until < performance.now() + this.lockMs / TURNS;
  }

  private lose(kept: Kept): void {
    if (!this.kept.delete(kept) || kept.settling) return;
    const { queue, queueId } = kept.claim.item;
    this.meter.lockLost();
    this.log.error({ queue, queueId, fence: kept.claim.fence }, 'lock lost, delivery aborted');
    kept.abort.abort(new LockLost(queueId));
  }
}
