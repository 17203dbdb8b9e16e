import { describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../../src/queues/registry.js';
import { accept, done, fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const range = (count: number) => Array.from({ length: count }, (_, n) => n);
const fivePerSecond: Endpoint['rateLimit'] = { max: 5, per: 'second' };

/** Starts as Redis allowed them, by its own clock; read at every delivery, so that none is missed. */
class Starts {
  private readonly most = new Map<string, number>();

  async look(line: Line, endpoint: string): Promise<void> {
    const times = await line.redis.lrange(line.keys.rate(endpoint), 0, -1);
    for (const time of new Set(times)) {
      const count = times.filter((one) => one === time).length;
      this.most.set(time, Math.max(count, this.most.get(time) ?? 0));
    }
  }

  get times(): number[] {
    return [...this.most].flatMap(([time, count]) => Array(count).fill(Number(time)));
  }

  get mostInASecond(): number {
    const { times } = this;
    return Math.max(...times.map((at) => times.filter((t) => t >= at && t < at + 1_000).length));
  }
}

describe('a rate limit', () => {
  it('is never exceeded by two fleets on one queue, and the order stays', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', null, { type: 'scripted' }, fivePerSecond);
    const starts = new Starts();
    line.script = async () => {
      await starts.look(line, 'channel.12');
      return done;
    };
    const titles = range(13).map(String);
    const tickets = await line.add('12', ...titles);
    await Promise.all([line.startFleet(), line.startFleet()]);
    await line.untilState(tickets.at(-1)!.queueId, 'completed');
    expect(line.started).toEqual(titles);
    expect(starts.times).toHaveLength(13);
    expect(starts.mostInASecond).toBe(5);
    expect(line.mostRunning.get('channel.12')).toBe(1);
  });

  it('is shared by a source’s own queue and its parallel items, which let others pass', async () => {
    const line = await new Line(redis).ready('12');
    await line.put('source', 'erp', null, { type: 'scripted' }, fivePerSecond);
    const starts = new Starts();
    line.script = async ({ source }) => {
      if (source) await starts.look(line, 'source.erp');
      return done;
    };
    const order = (orderNumber: string) => accept('add_order', { source: 'erp' }, { orderNumber });
    await line.enqueuer.enqueue(range(9).map((n) => order(String(n))));
    await line.enqueuer.enqueue([accept('sync_products', { source: 'erp' }, { title: 'q' })]);
    await Promise.all([line.startFleet(), line.startFleet()]);
    await line.add('12', 'x');
    await until('another channel’s item', () => line.started.includes('x'));
    expect(line.started.length).toBeLessThan(11);
    await until('all ten to have been looked at', () => starts.times.length === 10);
    expect(starts.mostInASecond).toBe(5);
  });

  it('is no failure: no attempt, no try, no error, and the queue says why it waits', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 1 }, { type: 'scripted' }, { max: 1, per: 'hour' });
    const [, b] = await line.add('12', 'a', 'b');
    await line.startFleet();
    const status = await until('the queue to wait', async () => {
      const now = await line.status('channel.12');
      return now.heldUntil ? now : null;
    });
    expect(status).toMatchObject({
      state: 'held',
      heldKind: 'rate',
      heldReason: 'channel 12 takes 1 per hour at most, and that is used up',
      heldBy: b!.queueId,
      heldSince: null,
      overdue: false,
    });
    expect(Date.parse(status.heldUntil ?? '') - Date.now()).toBeGreaterThan(3_500_000);
    const item = await line.item(b!.queueId);
    expect(item).toMatchObject({ state: 'backing-off', attempts: 0, tries: 0, error: null });
    expect(item.held).toBeNull();
    expect(line.started).toEqual(['a']);
  });

  it('shows nothing while there is room', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', null, { type: 'scripted' }, { max: 100, per: 'minute' });
    line.script = async () => {
      expect(await line.status('channel.12')).toMatchObject({ state: 'running', heldKind: null });
      return done;
    };
    const [, b] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await line.untilState(b!.queueId, 'completed');
  });

  it('does not forgive an item that kills its workers', async () => {
    const line = await new Line(redis).ready('12');
    const [a] = await line.add('12', 'a');
    const shard = line.keys.shardOf('channel.12');
    const die = async () => {
      const [claim] = await line.deliveries.claim(shard, 'blocking', 1, `t${Math.random()}`);
      await line.redis.del(`${line.keys.item('channel.12', a!.queueId)}:lock`);
      await line.redis.zadd(line.keys.ours(shard, 'inflight'), 0, `channel.12 ${a!.queueId}`);
      await line.deliveries.tend(shard, 2);
      return claim;
    };
    await die();
    const [claim] = await line.deliveries.claim(shard, 'blocking', 1, 'w');
    const failure = { message: 'used up', cause: 'throttled' };
    await line.deliveries.postpone(claim!, 'rate', failure, 0, false);
    await until('the hold to be over', async () => {
      await line.deliveries.tend(shard, 2);
      return (await line.status('channel.12')).heldUntil === null;
    });
    await die();
    expect((await line.item(a!.queueId)).state).toBe('failed');
  });

  it('leaves a block a block', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', null, { type: 'scripted' }, { max: 1, per: 'hour' });
    line.script = () => fail;
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await line.untilState(a!.queueId, 'failed');
    expect(await line.status('channel.12')).toMatchObject({ state: 'blocked', heldUntil: null });
    await line.transitions.skip(a!, { actor: 'p', reason: 'gone' });
    await until('b to wait', async () => (await line.status('channel.12')).heldKind === 'rate');
    expect(line.started).toEqual(['a']);
  });
});

it('a clock of Redis that was set back by an hour keeps nobody waiting for longer than the period', async () => {
  const line = await new Line(redis).ready('12');
  const limit = { max: 3, periodMs: 60_000 };
  const start = (beside: boolean) => line.deliveries.start('channel.12', limit, beside);
  for (const n of [0, 1, 2]) expect([n, await start(false)]).toEqual([n, 0]);
  await start(true);
  // What it had written before, seen from an hour earlier.
  const anHour = 3_600_000;
  const starts = line.keys.rate('channel.12');
  const turns = starts.replace('rate:', 'rate-turn:');
  const later = (text: string | null) => String(Number(text) + anHour);
  const list = await line.redis.lrange(starts, 0, -1);
  const turn = later(await line.redis.get(turns));
  await line.redis
    .multi()
    .del(starts)
    .rpush(starts, ...list.map(later))
    .set(turns, turn)
    .exec();
  expect(await start(false)).toBeLessThanOrEqual(limit.periodMs);
  expect(await start(true)).toBeLessThanOrEqual(limit.periodMs * 1.5);
  expect(await line.redis.pttl(starts)).toBeGreaterThan(0);
});
