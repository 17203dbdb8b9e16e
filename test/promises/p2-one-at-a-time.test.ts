import { describe, expect, it } from '@jest/globals';
import type { Delivery } from '../../src/connectors/connector.js';
import { pause } from '../../src/lifecycle.js';
import { done, Line } from '../support/line.js';
import { Network } from '../support/network.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

describe('P2: one item of a blocking queue is delivered at a time', () => {
  it('never overlaps, however many workers there are', async () => {
    const line = await new Line(redis, { fleet: { budget: 2 } }).ready('12');
    line.script = async () => {
      await pause(1);
      return done;
    };
    await Promise.all([line.startFleet(), line.startFleet(), line.startFleet(), line.startFleet()]);
    await line.add('12', ...Array.from({ length: 100 }, (_, n) => String(n)));
    await line.untilStarted(100);
    expect(line.mostRunning.get('channel.12')).toBe(1);
  });

  it('aborts a delivery whose lock is lost, runs the item again with a higher fence, and ignores the late result', async () => {
    const line = await new Line(redis).ready('12');
    const seen: Delivery[] = [];
    let finishLate: (() => void) | undefined;
    line.script = (delivery) => {
      seen.push(delivery);
      if (seen.length > 1) return done;
      return new Promise((resolve) => {
        finishLate = () =>
          resolve({ kind: 'fail', failure: { message: 'too late', cause: 'bug' } });
      });
    };
    await line.startFleet();
    const [a] = await line.add('12', 'a', 'b');
    await until('the first delivery', () => seen.length === 1);
    await line.redis.del(`${line.keys.item('channel.12', a!.queueId)}:lock`);
    await line.untilStarted(3);
    expect(seen[0]?.signal.aborted).toBe(true);
    expect(String(seen[0]?.signal.reason)).toContain('lock');
    expect(seen[1]?.queueId).toBe(a!.queueId);
    expect(seen[1]!.fence).toBeGreaterThan(seen[0]!.fence);
    expect(seen[1]!.attempt).toBe(2);
    finishLate?.();
    expect((await line.untilState(a!.queueId, 'completed')).error).toBeNull();
    expect(await line.status('channel.12')).toMatchObject({
      state: 'running',
      counts: { failed: 0 },
    });
  });

  it('keeps the lock of a delivery that takes many times as long as the lock', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12');
    let finish: (() => void) | undefined;
    line.script = ({ data }) =>
      data['title'] === 'slow'
        ? new Promise((resolve) => {
            finish = () => resolve(done);
          })
        : done;
    await line.startFleet();
    const [slow] = await line.add('12', 'slow', 'next');
    await line.untilStarted(1);
    const begun = performance.now();
    await until('three lock lengths to pass', () => performance.now() - begun > 1_500);
    expect(line.started).toEqual(['slow']);
    finish?.();
    await line.untilStarted(2);
    expect((await line.item(slow!.queueId)).attempts).toBe(1);
  });

  it.each([
    ['claim', '\r\nblocking\r\n', []],
    ['settling', 'done so far', ['a']],
  ])(
    'starts nothing when the answer to a %s comes so late that the lock may have ended: others have delivered it since',
    async (_, command, before) => {
      const network = await Network.before(redis.url);
      const slow = await new Line(redis, { url: network.url }).ready('12');
      slow.script = () => ({ kind: 'done', result: 'done so far' });
      const line = await new Line(redis, { prefix: slow.prefix }).ready();
      await line.add('12', 'a', 'b', 'c');
      network.delayRepliesFrom(command);
      await slow.startFleet();
      await until('it to be taken', () => network.isLate);
      await line.startFleet();
      await line.untilStarted(3 - before.length);
      network.heal();
      await slow.stopFleets();
      expect(slow.started).toEqual(before);
      expect([...before, ...line.started]).toEqual(['a', 'b', 'c']);
    },
  );

  it('sends nothing when the whole process stood still between claim and sending, for longer than the lock', async () => {
    const line = await new Line(redis).ready('12');
    const attempts: number[] = [];
    line.script = ({ attempt }) => {
      attempts.push(attempt);
      return done;
    };
    line.making = () => {
      line.making = () => {};
      const from = performance.now();
      while (performance.now() - from < 1_100);
    };
    const [a] = await line.add('12', 'a');
    await line.startFleet();
    await line.untilState(a!.queueId, 'completed');
    expect(attempts).toEqual([2]);
  });
});
