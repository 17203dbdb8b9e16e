import { describe, expect, it } from '@jest/globals';
import { backOff, policyOf } from '../../src/fleet/back-off.js';
import { accept, done, failure, Line, tryAgain } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const quick = { attempts: 3, firstDelayMs: 30, maxDelayMs: 60 };

describe('P4: an automatic retry holds the head', () => {
  it('lets nothing overtake an item that backs off, and goes on when it succeeds', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', quick);
    line.script = ({ data, attempt }) => (data['title'] === 'a' && attempt < 3 ? tryAgain : done);
    await line.add('12', 'a', 'b', 'c');
    await line.startFleet();
    await line.untilStarted(5);
    expect(line.started).toEqual(['a', 'a', 'a', 'b', 'c']);
  });

  it('blocks after the last attempt, with the last error', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', quick);
    line.script = () => tryAgain;
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    const failed = await line.untilState(a!.queueId, 'failed');
    expect(line.started).toEqual(['a', 'a', 'a']);
    expect(failed).toMatchObject({ attempts: 3, error: { message: failure.message } });
  });

  it('shows the item as backing off, with the error and the time of the next attempt', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { firstDelayMs: 60_000 });
    line.script = () => tryAgain;
    const [a, b] = await line.add('12', 'a', 'b');
    await line.startFleet();
    const item = await line.untilState(a!.queueId, 'backing-off');
    expect(item).toMatchObject({ position: 0, error: { message: failure.message } });
    const status = await line.status('channel.12');
    expect(status).toMatchObject({
      state: 'running',
      counts: { backingOff: 1, waiting: 1, failed: 0 },
    });
    const wait = Date.parse(status.nextAttemptAt ?? '') - Date.now();
    expect(wait).toBeGreaterThan(40_000);
    expect(wait).toBeLessThanOrEqual(60_000);
    expect((await line.item(b!.queueId)).state).toBe('waiting');
  });

  it('lets a person retry or skip a backing-off item at once', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { firstDelayMs: 60_000 });
    line.script = ({ attempt, data }) => (data['title'] === 'b' || attempt > 1 ? done : tryAgain);
    const [a] = await line.add('12', 'a', 'b', 'c', 'd');
    await line.startFleet();
    await line.untilState(a!.queueId, 'backing-off');
    await line.transitions.retry(a!, 'test');
    const c = await line.untilState(a!.queueId + 2, 'backing-off');
    await line.transitions.skip(c, { actor: 'test', reason: 'gone' });
    await line.untilStarted(5);
    expect(line.started).toEqual(['a', 'a', 'b', 'c', 'd']);
  });

  it('keeps the count of tries over a restart of the workers', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 3, firstDelayMs: 300, maxDelayMs: 300 });
    line.script = () => tryAgain;
    const [a] = await line.add('12', 'a');
    await line.startFleet();
    await line.untilState(a!.queueId, 'backing-off');
    await line.stopFleets();
    const again = await new Line(redis, { prefix: line.prefix }).ready();
    again.script = () => tryAgain;
    await again.startFleet();
    const failed = await again.untilState(a!.queueId, 'failed');
    expect([...line.started, ...again.started]).toEqual(['a', 'a', 'a']);
    expect(failed.attempts).toBe(3);
  });

  it('gives a fresh set of tries after an operator’s retry', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 2, firstDelayMs: 1, maxDelayMs: 1 });
    line.script = () => tryAgain;
    const [a] = await line.add('12', 'a');
    await line.startFleet();
    await line.untilState(a!.queueId, 'failed');
    await line.transitions.retry(a!, 'test');
    await line.untilStarted(4);
    expect((await line.untilState(a!.queueId, 'failed')).attempts).toBe(4);
  });

  it('holds the queue without counting a try when the far side asks for time', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 1 });
    let held = 0;
    line.script = ({ data }) => {
      if (data['title'] !== 'a' || held === 4) return done;
      held += 1;
      return { kind: 'hold', failure: { message: 'throttled', cause: 'throttled' }, forMs: 100 };
    };
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await line.untilState(a!.queueId, 'backing-off');
    expect(await line.status('channel.12')).toMatchObject({
      state: 'held',
      heldReason: 'throttled',
    });
    await line.untilStarted(6);
    expect(line.started).toEqual(['a', 'a', 'a', 'a', 'a', 'b']);
  });

  it('lets the other parallel items pass one that backs off, and runs it when its time comes', async () => {
    const line = await new Line(redis).ready();
    await line.put('source', 'erp', { attempts: 3, firstDelayMs: 200, maxDelayMs: 200 });
    line.script = ({ data, attempt }) =>
      data['orderNumber'] === '1' && attempt === 1 ? tryAgain : done;
    await line.startFleet();
    const order = (orderNumber: string) => accept('add_order', { source: 'erp' }, { orderNumber });
    await line.enqueuer.enqueue([order('1'), order('2'), order('3')]);
    await line.untilStarted(4);
    expect(line.started.at(-1)).toBe('1');
    expect(line.started.slice(0, 3).sort()).toEqual(['1', '2', '3']);
  });
});

describe('the default policy', () => {
  const standard = policyOf(null, null);

  it('is 5 attempts over about 2 minutes', () => {
    const waits = [0, 1, 2, 3, 4].map((tries) => backOff(standard, tries, () => 0));
    expect(waits).toEqual([8_000, 16_000, 32_000, 64_000, null]);
  });

  it('takes off up to a fifth by chance', () => {
    expect(backOff(standard, 0, () => 0.999999)).toBe(6_400);
  });

  it('lets a channel’s setting win over the instruction’s', () => {
    expect(policyOf({ attempts: 2 }, { attempts: 9, firstDelayMs: 5 })).toMatchObject({
      attempts: 2,
      firstDelayMs: 5,
      maxDelayMs: 64_000,
    });
  });
});

describe('a clock of Redis that was set back by an hour', () => {
  const anHour = 3_600_000;
  async function withTaken() {
    const line = await new Line(redis).ready('12');
    const [a] = await line.add('12', 'a', 'b');
    const shard = line.keys.shardOf('channel.12');
    const [claim] = await line.deliveries.claim(shard, 'blocking', 1, 'dead');
    return { line, shard, claim: claim!, queueId: a!.queueId };
  }

  it('prolongs no hold by it', async () => {
    const { line, shard, claim, queueId } = await withTaken();
    await line.deliveries.backOff(claim, failure, 100, false);
    const facts = line.keys.line('channel.12');
    await line.redis.hincrby(facts, 'heldUntil', anHour);
    await line.redis.hincrby(facts, 'heldAt', anHour);
    await line.redis.zincrby(line.keys.ours(shard, 'holds'), anHour, 'channel.12');
    await line.startFleet();
    await line.untilState(queueId, 'completed');
    await line.untilStarted(2);
    expect(line.started).toEqual(['a', 'b']);
    expect(await line.redis.hexists(facts, 'heldAt')).toBe(0);
  });

  it('nor the wait for the item of a dead worker', async () => {
    const { line, shard, queueId } = await withTaken();
    await line.redis.pexpire(line.keys.lock('channel.12', queueId), anHour);
    const inflight = line.keys.ours(shard, 'inflight');
    await line.redis.zincrby(inflight, anHour, `channel.12 ${queueId}`);
    await line.startFleet();
    await until('its item to run again', () => line.started.length === 2);
    expect(line.started).toEqual(['a', 'b']);
  });
});
