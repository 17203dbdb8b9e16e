import { expect, it } from '@jest/globals';
import { stockQueue } from '../support/bullmq.js';
import { failure, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

/** What the model (`model.test.ts`) found: each the smallest script that shows it. */
const redis = await startTestRedis();
const anHour = 3_600_000;

it('a clear that takes a held head away lets the rest of the queue run at once', async () => {
  const line = await new Line(redis).ready('12');
  const shard = line.keys.shardOf('channel.12');
  const [, b] = await line.add('12', 'a', 'b');
  const [a] = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  await line.deliveries.hold(a!, failure, anHour, false);
  expect(await line.transitions.clear('channel.12', 'x', 'because', 1)).toBe(1);
  const next = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  expect(next.map(({ item }) => item.queueId)).toEqual([b!.queueId]);
});

it('a clear leaves the failed head alone that plain BullMQ has put back into the queue', async () => {
  const line = await new Line(redis).ready('12');
  const shard = line.keys.shardOf('channel.12');
  const [a] = await line.add('12', 'a', 'b');
  const [claim] = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  await line.deliveries.fail(claim!, failure, false);
  const [job] = await stockQueue(redis, line, 'channel.12').getFailed();
  await job!.retry();
  expect(await line.transitions.clear('channel.12', 'x', 'because', 2)).toBe(1);
  expect((await line.item(a!.queueId)).state).toBe('failed');
  await line.transitions.retry(a!, 'x');
  const [again] = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  expect(again?.item.queueId).toBe(a!.queueId);
});
