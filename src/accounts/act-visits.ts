import type { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyTries } from '../errors.js';
import type { Keys } from '../redis/keys.js';

/** Visits a minute from one address; people need a handful, and a mail scanner opens a mail's links once. */
const A_MINUTE = 60;

/** How often links of mails may be followed from one address, over all processes. */
export class ActVisits {
  private readonly limiter: RateLimiterRedis;

  constructor(redis: Redis, keys: Keys) {
    this.limiter = new RateLimiterRedis({
      storeClient: redis,
      keyPrefix: keys.registry.actVisits,
      points: A_MINUTE,
      duration: 60,
    });
  }

  /** @throws TooManyTries */
  async admit(address: string): Promise<void> {
    try {
      await this.limiter.consume(address);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new TooManyTries(Math.max(1, Math.ceil(refused.msBeforeNext / 1_000)));
    }
  }
}
