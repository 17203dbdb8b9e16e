import type { Redis } from 'ioredis';

const CLAIM = `
for n, key in ipairs(KEYS) do
  local before = redis.call('GET', key)
  if before and before ~= ARGV[n + 1] then return n end
end
for n, key in ipairs(KEYS) do redis.call('SET', key, ARGV[n + 1], 'PX', ARGV[1], 'NX') end
return 0`;

/**
 * Gives each key, for so long, the value at its place, or changes nothing: when one holds another value already,
 * its index is answered, else null. One that holds its value keeps it for as long as before. All in one slot.
 */
export async function claimKeys(
  redis: Redis,
  claims: readonly (readonly [key: string, value: string])[],
  windowMs: number,
): Promise<number | null> {
  const keys = claims.map(([key]) => key);
  const values = claims.map(([, value]) => value);
  const taken = Number(await redis.eval(CLAIM, keys.length, ...keys, windowMs, ...values));
  return taken === 0 ? null : taken - 1;
}
