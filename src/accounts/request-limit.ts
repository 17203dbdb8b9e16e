import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ratePeriods } from '../config/endpoint-schema.js';
import type { RequestLimitSettings } from '../config/schema.js';
import { TooManyRequests } from '../errors.js';
import { within } from '../lifecycle.js';

/** What is left of a limit, as it is told to programs. Times in seconds. */
export interface Room {
  /** What is limited: "key" or "address". */
  readonly policy: string;
  readonly most: number;
  readonly period: number;
  readonly left: number;
  readonly reset: number;
}

/** Requests that this process may let in without asking Redis again. */
interface Share {
  left: number;
  /** How many were asked for at once; twice as many the next time. */
  size: number;
  /** What was left of the limit for everybody when the share was given. */
  readonly beyond: number;
  /** When the period ends, by `performance.now()`. */
  readonly until: number;
}

/** A busy one asks Redis once in a hundredth of its limit; so much may stay unused at the end of a period. */
const PORTIONS = 100;
/** How long Redis may take before this process counts for itself, in milliseconds. */
const PATIENCE_MS = 250;
/** Callers that are kept in mind; one who is forgotten asks Redis again. */
const MOST_CALLERS = 20_000;

/**
 * How many requests one key, or one address, may make in a period, over all API processes. They are given
 * out in shares, small ones first, so that hardly a request waits for Redis; while Redis is away each
 * process counts for itself.
 */
export class RequestLimit {
  private readonly policy: string;
  private readonly settings: RequestLimitSettings;
  private readonly limiter: RateLimiterRedis;
  /** Counts while Redis is away. */
  private readonly own: RateLimiterMemory;
  private readonly period: number;
  private readonly shares = new Map<string, Share>();
  private readonly asked = new Map<string, Promise<Share>>();

  constructor(redis: Redis, keyPrefix: string, policy: string, settings: RequestLimitSettings) {
    this.policy = policy;
    this.settings = settings;
    this.period = ratePeriods[settings.per] / 1_000;
    const each = {
      points: settings.max,
      duration: this.period,
      keyPrefix: `${keyPrefix}:${policy}`,
    };
    this.limiter = new RateLimiterRedis({
      ...each,
      storeClient: redis,
      rejectIfRedisNotReady: true,
    });
    this.own = new RateLimiterMemory(each);
  }

  /** Counts one request; null where there is no limit. @throws TooManyRequests */
  async take(caller: string): Promise<Room | null> {
    if (this.settings.max === 0) return null;
    for (;;) {
      const share = this.shares.get(caller);
      if (share && share.until > performance.now()) {
        if (share.left > 0) {
          share.left -= 1;
          return this.room(share);
        }
        if (share.size === 0) throw new TooManyRequests(this.room(share));
      }
      await this.ask(caller, share);
    }
  }

  /** Requests that come together ask once. */
  private ask(caller: string, before: Share | undefined): Promise<Share> {
    const running = this.asked.get(caller);
    if (running) return running;
    const most = Math.max(1, Math.floor(this.settings.max / PORTIONS));
    const size = Math.min(most, Math.max(1, (before?.size ?? 0) * 2));
    const asking = this.share(caller, size)
      .then((share) => {
        this.keep(caller, share);
        return share;
      })
      .finally(() => this.asked.delete(caller));
    this.asked.set(caller, asking);
    return asking;
  }

  private async share(caller: string, size: number): Promise<Share> {
    const until = ({ msBeforeNext }: RateLimiterRes) =>
      performance.now() + Math.max(1, msBeforeNext);
    try {
      const given = await this.consume(caller, size);
      return { left: size, size, beyond: given.remainingPoints, until: until(given) };
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      return { left: 0, size: 0, beyond: 0, until: until(refused) };
    }
  }

  /** A request must not wait for its limit first and then for what it asks: Redis has a moment. */
  private async consume(caller: string, size: number): Promise<RateLimiterRes> {
    try {
      return await within(PATIENCE_MS, this.limiter.consume(caller, size), 'no answer in time');
    } catch (refused) {
      if (refused instanceof RateLimiterRes) throw refused;
      return this.own.consume(caller, size);
    }
  }

  private keep(caller: string, share: Share): void {
    this.shares.delete(caller);
    this.shares.set(caller, share);
    if (this.shares.size <= MOST_CALLERS) return;
    const [oldest] = this.shares.keys();
    if (oldest !== undefined) this.shares.delete(oldest);
  }

  private room(share: Share): Room {
    return {
      policy: this.policy,
      most: this.settings.max,
      period: this.period,
      left: share.left + share.beyond,
      reset: Math.max(1, Math.ceil((share.until - performance.now()) / 1_000)),
    };
  }
}
