import type { Redis } from 'ioredis';
import type { Keys, QueueName } from '../redis/keys.js';

const MINUTE = 60_000;
/** Minutes over which the pace is told. */
export const PACE_MINUTES = 10;

/**
 * How many items a minute each queue has finished, on average over the last `PACE_MINUTES`. From what BullMQ
 * counts: `data` holds whole minutes, newest first, up to the one in which the last item finished (`prevTS`);
 * what finished in that one is `count` less `prevCount`.
 */
export async function paceOf(
  redis: Redis,
  keys: Keys,
  queues: readonly QueueName[],
  now = Date.now(),
): Promise<Map<QueueName, number>> {
  const counts = await Promise.all(queues.map((name) => finished(redis, keys, name, now)));
  return new Map(queues.map((name, n) => [name, (counts[n] ?? 0) / PACE_MINUTES]));
}

async function finished(redis: Redis, keys: Keys, name: QueueName, now: number): Promise<number> {
  const key = keys.metrics(name, 'completed');
  const [facts, minutes] = await Promise.all([
    redis.hmget(key, 'count', 'prevTS', 'prevCount'),
    redis.lrange(`${key}:data`, 0, PACE_MINUTES - 1),
  ]);
  const [count = 0, last = 0, before = 0] = facts.map((field) => Number(field ?? 0));
  const passed = Math.floor(now / MINUTE) - Math.floor(last / MINUTE);
  const left = PACE_MINUTES - passed;
  if (left <= 0) return 0;
  const whole = minutes.slice(0, left - 1).reduce((sum, each) => sum + Number(each), 0);
  return whole + count - before;
}
