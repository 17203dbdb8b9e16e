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
