import type { Redis } from 'ioredis';
import type { Keys, QueueName } from '../redis/keys.js';

/** Where in a queue an item sits. `finished` holds the completed, the skipped and the resolved. */
export type Place = 'waiting' | 'active' | 'backing-off' | 'failed' | 'finished';

/**
 * Queue ids at one place of a queue: what waits in the order in which it will run, what failed or
 * finished newest first. `start` and `end` count from 0, both included.
 */
export async function idsAt(
  redis: Redis,
  keys: Keys,
  queue: QueueName,
  place: Place,
  start: number,
  end: number,
): Promise<number[]> {
  const key = (part: Parameters<Keys['queue']>[1]) => keys.queue(queue, part);
  const range = [String(start), String(end)] as const;
  switch (place) {
    case 'waiting': {
      // A head that is held waits in the same list, as its right end.
      const held = (await redis.hexists(keys.line(queue), 'heldUntil')) === 1 ? 1 : 0;
      const ids = await redis.lrange(key('wait'), -1 - end - held, -1 - start - held);
      return numbers([...ids.reverse(), ...(await redis.zrange(key('prioritized'), ...range))]);
    }
    case 'active':
      return numbers(await redis.lrange(key('active'), start, end));
    case 'backing-off': {
      const head = await redis.hget(keys.line(queue), 'heldBy');
      return numbers([...(head ? [head] : []), ...(await redis.zrange(key('delayed'), ...range))]);
    }
    case 'failed':
      return numbers(await redis.zrange(key('failed'), ...range, 'REV'));
    case 'finished':
      return numbers(await redis.zrange(key('completed'), ...range, 'REV'));
  }
}

/** A custom id of a plain producer is no queue id; the item gets one when it is claimed. */
const numbers = (ids: readonly string[]): number[] => ids.map(Number).filter(Number.isSafeInteger);
