import { afterEach } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
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

/** A worker of plain BullMQ on a queue of ours; it completes whatever comes. */
export function stockWorker(redis: TestRedis, line: Line, name: string): Worker {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const { prefix } = line.keys.shardOf(name);
  const worker = new Worker(name, async () => 'done', { connection, prefix });
  open.push(worker, { close: async () => connection.disconnect() });
  return worker;
}

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
