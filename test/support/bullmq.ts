import { afterEach } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Line } from './line.js';
import type { TestRedis } from './redis.js';

const open: { close(): Promise<unknown> }[] = [];

/** Plain BullMQ on a queue of ours: what another program, or a dashboard, would use. */
export function stockQueue(redis: TestRedis, line: Line, name: string): Queue {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection, prefix: line.keys.shardOf(name).prefix });
  open.push(queue, { close: async () => connection.disconnect() });
  return queue;
}

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
