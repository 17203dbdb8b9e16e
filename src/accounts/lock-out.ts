import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyTries } from '../errors.js';
import type { Keys } from '../redis/keys.js';

/** After `free` failures one try a wait is let through; the wait doubles with each. Seconds. */
interface Rule {
  readonly name: string;
  readonly free: number;
  readonly firstWait: number;
  readonly longestWait: number;
  of(account: string, address: string): string;
}

const DAY = 86_400;

/**
 * Who guesses from one address waits long. All guesses at one account together wait a little, so
 * that many addresses help nobody, and whoever guesses cannot lock its owner out for long.
 */
const rules: readonly Rule[] = [
  {
    name: 'both',
    free: 5,
    firstWait: 5,
    longestWait: 900,
    of: (account, address) => `${account} ${address}`,
  },
  { name: 'account', free: 30, firstWait: 2, longestWait: 60, of: (account) => account },
  { name: 'address', free: 50, firstWait: 5, longestWait: 900, of: (_, address) => address },
];

/** Counts failed logins over all processes, and makes guessing slow. */
export class LockOut {
  private readonly failures: RateLimiterRedis;
  private readonly waits: RateLimiterRedis;

  constructor(redis: Redis, keys: Keys) {
    const storeClient = redis;
    const keyPrefix = keys.registry.logins;
    // `points` is not used: how many are free is said by the rules.
    this.failures = new RateLimiterRedis({ storeClient, keyPrefix, points: 1, duration: DAY });
    this.waits = new RateLimiterRedis({
      storeClient,
      keyPrefix: `${keyPrefix}:wait`,
      points: 1,
      duration: rules[0]?.longestWait ?? DAY,
    });
  }

  /**
   * To be called before a password is looked at: the try counts as failed until `succeeded`, so that
   * a hundred at once are a hundred. @throws TooManyTries
   */
  async admit(account: string, address: string): Promise<void> {
    const counted: string[] = [];
    for (const rule of rules) {
      const key = keyOf(rule, account, address);
      counted.push(key);
      const { consumedPoints: tries } = await this.failures.penalty(key);
      if (tries <= rule.free) continue;
      const wait = Math.min(rule.longestWait, rule.firstWait * 2 ** (tries - rule.free - 1));
      try {
        await this.waits.consume(key, 1, { customDuration: wait });
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) throw refused;
        // A try that was refused told its maker nothing, so it does not count.
        for (const each of counted) await this.failures.reward(each);
        throw new TooManyTries(Math.max(1, Math.ceil(refused.msBeforeNext / 1000)));
      }
    }
  }

  /** The right password was given: what was wrong before, from there and for that account, is forgotten. */
  async succeeded(account: string, address: string): Promise<void> {
    for (const rule of rules) {
      const key = keyOf(rule, account, address);
      // One right login must not wash an address clean that tries many accounts.
      await this.failures.reward(key);
      if (rule.name !== 'both') continue;
      await this.failures.delete(key);
      await this.waits.delete(key);
    }
  }
}

/** What a stranger typed does not become a key of any length. */
function keyOf(rule: Rule, account: string, address: string): string {
  const text = rule.of(account, address);
  return `${rule.name}:${createHash('sha256').update(text).digest('base64url')}`;
}
