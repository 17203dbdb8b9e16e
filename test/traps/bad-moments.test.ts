import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../src/connectors/connector.js';
import { Api, product } from '../support/api.js';
import { done, fail, Line } from '../support/line.js';
import type { TestRedis } from '../support/redis.js';
import { endShapes, type RedisProcess, startStandalone } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

afterEach(endShapes);
afterAll(endShapes);

const asTestRedis = ({ url }: RedisProcess): TestRedis => ({
  url,
  dataDir: '',
  freshPrefix: () => `t${randomBytes(6).toString('hex')}`,
});

/** A delivery that ends when the test says so. */
function gate() {
  let open: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    open = resolve;
  });
  return { outcome, open };
}

describe('bad moments of Redis', () => {
  it('memory is full: new items get 503, and what frees memory goes on, locks and people included', async () => {
    const redis = await startStandalone();
    const api = await Api.start(asTestRedis(redis));
    await api.put('channel', '12');
    const line = await new Line(asTestRedis(redis), { prefix: api.prefix }).ready('12', '13', '14');
    const first = gate();
    line.script = ({ data }) => {
      if (data['title'] === 'a') return first.outcome;
      return data['title'] === 'c' ? fail : done;
    };
    await line.startFleet();
    const [a, b] = await line.add('12', 'a', 'b');
    const [c, d] = await line.add('13', 'c', 'd');
    await line.untilStarted(2);
    await line.untilState(c!.queueId, 'failed');
    await redis.call('CONFIG', 'SET', 'maxmemory', 1);
    const refused = await api.call('POST', '/v1/items', { body: product('12', 'too much') });
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('2');
    // Longer than the lock: it is renewed although memory is full.
    const begun = Date.now();
    await until('the lock to be renewed', () => Date.now() - begun > 1_500);
    first.open(done);
    await line.untilState(b!.queueId, 'completed');
    await line.transitions.skip(c!, { actor: 'test', reason: 'memory' });
    await line.untilState(d!.queueId, 'completed');
    expect((await line.item(a!.queueId)).attempts).toBe(1);
    await redis.call('CONFIG', 'SET', 'maxmemory', 0);
    expect((await api.call('POST', '/v1/items', { body: product('12', 'e') })).status).toBe(202);
    await line.untilStarted(5);
    expect(line.started).toEqual(['a', 'c', 'b', 'd', 'e']);
    await line.close();
    await api.stop();
  }, 30_000);

  it.each([
    ['an hour forward', 3_600],
    ['an hour back', -3_600],
  ])(
    'its clock jumps %s: nothing overtakes, nothing runs beside itself, the queue goes on',
    async (_, seconds) => {
      const redis = await startStandalone({ movableClock: true });
      const line = await new Line(asTestRedis(redis)).ready('12');
      const first = gate();
      const seen: { title: unknown; fence: number; aborted: () => boolean }[] = [];
      line.script = ({ data, fence, signal }) => {
        seen.push({ title: data['title'], fence, aborted: () => signal.aborted });
        return data['title'] === 'a' && seen.length === 1 ? first.outcome : done;
      };
      await line.startFleet();
      const tickets = await line.add('12', 'a', 'b', 'c');
      await line.untilStarted(1);
      await redis.moveClock(seconds);
      // Past the lock: it was renewed by the new clock, or given up and the item ran again at the head.
      const begun = Date.now();
      await until('the lock to be over', () => Date.now() - begun > 1_500);
      first.open(done);
      for (const ticket of tickets) await line.untilState(ticket.queueId, 'completed');
      const titles = seen.map(({ title }) => title);
      expect([...new Set(titles)]).toEqual(['a', 'b', 'c']);
      expect(titles.filter((title) => title !== 'a')).toEqual(['b', 'c']);
      // Run twice only with the first told to stop, and under a higher fence.
      if (titles.length > 3) expect(seen[0]?.aborted()).toBe(true);
      const fences = seen.map(({ fence }) => fence);
      expect(fences).toEqual([...new Set(fences)].sort((x, y) => x - y));
      await line.close();
    },
    30_000,
  );

  it.each([
    ['it is killed and started again', async (redis: RedisProcess) => redis.restart()],
    [
      'it hangs for three seconds',
      async (redis: RedisProcess) => {
        redis.stop();
        const begun = Date.now();
        await until('three seconds', () => Date.now() - begun > 3_000);
        redis.cont();
      },
    ],
    [
      'it pauses its clients for two seconds',
      async (redis: RedisProcess) => void (await redis.call('CLIENT', 'PAUSE', 2_000)),
    ],
    [
      'somebody kills all its connections',
      async (redis: RedisProcess) => void (await redis.call('CLIENT', 'KILL', 'TYPE', 'normal')),
    ],
    [
      'it loses its scripts',
      async (redis: RedisProcess) => void (await redis.call('SCRIPT', 'FLUSH')),
    ],
  ])(
    '%s: deliveries go on in order within 10 s',
    async (_, blow) => {
      const redis = await startStandalone();
      const line = await new Line(asTestRedis(redis)).ready('12');
      await line.startFleet();
      const titles = Array.from({ length: 200 }, (_, n) => `item ${n}`);
      await line.add('12', ...titles);
      await line.untilStarted(20);
      await blow(redis);
      await until('all to start', () => new Set(line.started).size === 200, 10_000);
      expect([...new Set(line.started)]).toEqual(titles);
      expect(line.mostRunning.get('channel.12')).toBe(1);
      await line.close();
    },
    30_000,
  );

  it('it is away for good: a worker still stops within its deadline', async () => {
    const redis = await startStandalone();
    const line = await new Line(asTestRedis(redis)).ready('12');
    line.script = () => new Promise(() => {}); // a delivery that never ends
    const fleet = await line.startFleet();
    await line.add('12', 'a');
    await line.untilStarted(1);
    await redis.kill();
    const begun = performance.now();
    await fleet.stop();
    expect(performance.now() - begun).toBeLessThan(fleet.stopDeadlineMs);
    await line.close();
  }, 60_000);
});
