import { describe, expect, it } from '@jest/globals';
import { Line } from '../support/line.js';
import { Proxy } from '../support/proxy.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

describe('traps of connections', () => {
  it('a half-open connection is never noticed by plain BullMQ: workers are back within 20 s here', async () => {
    const url = new URL(redis.url);
    const proxy = await new Proxy(Number(url.port)).start();
    url.port = String(proxy.port);
    const operator = await new Line(redis).ready('12');
    const worker = await new Line(redis, { url: url.href, prefix: operator.prefix }).ready();
    await worker.startFleet();
    await operator.add('12', 'before');
    await worker.untilStarted(1);
    await operator.untilState(1, 'completed');
    proxy.silence();
    const begun = performance.now();
    await operator.add('12', 'after');
    await until('the worker to be back', () => worker.started.includes('after'), 25_000);
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(worker.started).toEqual(['before', 'after']);
    await worker.close();
    await proxy.stop();
  }, 40_000);
});
