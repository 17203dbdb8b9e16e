import type { Redis } from 'ioredis';

const EXCHANGE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

/** Writes a field of a hash if it still is what it was; false when somebody else has changed it. */
export async function exchange(
  redis: Redis,
  hash: string,
  field: string,
  before: string,
  after: string,
): Promise<boolean> {
  return (await redis.eval(EXCHANGE, 1, hash, field, before, after)) === 1;
}

const REMOVE = `
redis.call('HDEL', KEYS[1], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[2])`;

/** Removes a field of each of two hashes in one step. Both lie in one slot. */
export async function removeBoth(
  redis: Redis,
  [hash, field]: readonly [hash: string, field: string],
  [otherHash, otherField]: readonly [hash: string, field: string],
): Promise<void> {
  await redis.eval(REMOVE, 2, hash, otherHash, field, otherField);
}
