import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

const WRITE = `
redis.call('SET', KEYS[3], ARGV[1])
local function write(hash, given, value)
  if given == '1' then return redis.call('HSET', hash, ARGV[2], value) end
  return redis.call('HDEL', hash, ARGV[2])
end
write(KEYS[2], ARGV[5], ARGV[6])
return write(KEYS[1], ARGV[3], ARGV[4])`;

const READ = `
return { redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[2], ARGV[1]) }`;

/**
 * Two hashes with the same fields, which are never seen apart, and a string that is another one after each
 * change: whoever kept a copy sees that it is old. All in one slot.
 */
export interface Stamped {
  readonly hash: string;
  /** What belongs to a field of `hash` but is kept apart. */
  readonly beside: string;
  readonly stamp: string;
}

/** What a field holds in each hash; null: nothing there. */
export type Both = readonly [value: string | null, beside: string | null];

/**
 * Writes a field of both and the stamp in one step; null removes it. A stamp says nothing but "another": a
 * number that counts up could come twice after a failover. Answers how many fields of `hash` came or went.
 */
export async function writeStamped(
  redis: Redis,
  { hash, beside, stamp }: Stamped,
  field: string,
  values: Both,
): Promise<number> {
  const given = values.flatMap((value) => [value === null ? 0 : 1, value ?? '']);
  return Number(await redis.eval(WRITE, 3, hash, beside, stamp, randomUUID(), field, ...given));
}

/** What a field holds in both at one moment. */
export async function readBoth(
  redis: Redis,
  { hash, beside }: Stamped,
  field: string,
): Promise<Both> {
  return (await redis.eval(READ, 2, hash, beside, field)) as Both;
}
