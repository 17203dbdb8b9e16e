import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

const WRITE = `
redis.call('SET', KEYS[2], ARGV[1])
if ARGV[3] then return redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) end
return redis.call('HDEL', KEYS[1], ARGV[2])`;

/** A hash, and a string beside it that is another one after each change: whoever kept a copy sees that it is old. */
export interface Stamped {
  readonly hash: string;
  /** In the same slot as the hash. */
  readonly stamp: string;
}

/**
 * Writes a field and the stamp in one step; null removes the field. A stamp says nothing but "another": a
 * number that counts up could come twice after a failover. Answers how many fields came or went.
 */
export async function writeStamped(
  redis: Redis,
  { hash, stamp }: Stamped,
  field: string,
  value: string | null,
): Promise<number> {
  const more = value === null ? [field] : [field, value];
  return Number(await redis.eval(WRITE, 2, hash, stamp, randomUUID(), ...more));
}
