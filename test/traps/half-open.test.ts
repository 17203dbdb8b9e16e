import { describe, expect, it } from '@jest/globals';
import { Line } from '../support/line.js';
import { Network } from '../support/network.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

describe('traps of connections', () => {
  it('a half-open connection is never noticed by plain BullMQ: workers are back within 20 s here', async () => {
    const network = await Network.before(redis.url);
    const operator = await new Line(redis).ready('12');
    const worker = await new Line(redis, { url: network.url, prefix: operator.prefix }).ready();
    await worker.startFleet();
    await operator.add('12', 'before');
    await worker.untilStarted(1);
    await operator.untilState(1, 'completed');
    network.halfOpen();
    const begun = performance.now();
    await operator.add('12', 'after');
    await until('the worker to be back', () => worker.started.includes('after'), 25_000);
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(worker.started).toEqual(['before', 'after']);
    await worker.close();
  }, 40_000);
});
