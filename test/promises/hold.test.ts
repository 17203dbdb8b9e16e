import { describe, expect, it } from '@jest/globals';
import { standardHold } from '../../src/config/schema.js';
import type { Cause, Outcome } from '../../src/connectors/connector.js';
import { holdFor } from '../../src/fleet/back-off.js';
import { stockQueue } from '../support/bullmq.js';
import { accept, done, fail, Line, type LineOptions, tryAgain } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { Witness } from '../support/witness.js';
import { kill, startWorker } from '../support/workers.js';

const redis = await startTestRedis();
const witness = await new Witness().start();

const down: Outcome = {
  kind: 'hold',
  failure: { message: 'closed for maintenance', cause: 'connection', status: 503 },
};
const unreachable: Outcome = {
  kind: 'retry',
  failure: { message: 'connection refused', cause: 'connection' },
};
const once = { attempts: 1, firstDelayMs: 1, maxDelayMs: 1 };
const forLong = { firstMs: 3_600_000, maxMs: 3_600_000 };

/** A line whose far side is there or away as the test says, with or without a ping. */
async function lineTo(options: LineOptions & { pinged?: boolean; away?: Outcome } = {}) {
  const { pinged = true, away = down, ...rest } = options;
  const line = await new Line(redis, rest).ready();
  await line.put('channel', '12', once);
  const shop = { away: true, pings: 0, attempts: [] as number[] };
  line.script = ({ attempt }) => {
    shop.attempts.push(attempt);
    return shop.away ? away : done;
  };
  if (pinged) {
    line.ping = async () => {
      shop.pings += 1;
      if (shop.away) throw new Error('nothing answers');
    };
  }
  return { line, shop };
}

describe('an outage', () => {
  it('heals by itself: no person, nothing lost, nothing out of order, at work again within one interval', async () => {
    const { line, shop } = await lineTo({ hold: { firstMs: 40, maxMs: 120 } });
    const titles = ['a', 'b', 'c', 'd'];
    const tickets = await line.add('12', ...titles);
    await line.startFleet();
    await until('several pings in vain', () => shop.pings >= 5);
    expect(line.started).toEqual(['a']);
    expect(await line.status('channel.12')).toMatchObject({ state: 'held', blocked: false });
    shop.away = false;
    const before = shop.pings;
    await line.untilStarted(5);
    // The first look after its return is the last: that is one interval, however slow the machine.
    expect(shop.pings).toBe(before + 1);
    for (const { queueId } of tickets) await line.untilState(queueId, 'completed');
    expect(line.started).toEqual(['a', ...titles]);
    expect(await line.status('channel.12')).toMatchObject({
      state: 'running',
      heldSince: null,
      heldReason: null,
      overdue: false,
    });
  });

  it('counts no attempt that the far side did not see', async () => {
    const { line, shop } = await lineTo();
    const [a] = await line.add('12', 'a');
    await line.startFleet();
    await until('pings in vain', () => shop.pings >= 4);
    shop.away = false;
    await line.untilState(a!.queueId, 'completed');
    expect(shop.attempts).toEqual([1, 2]);
    expect(await line.item(a!.queueId)).toMatchObject({ attempts: 2, tries: 0, held: null });
  });

  it('finds out with the head itself where there is no ping', async () => {
    const { line, shop } = await lineTo({ pinged: false });
    await line.add('12', 'a', 'b');
    await line.startFleet();
    await line.untilStarted(4);
    shop.away = false;
    await until('b', () => line.started.includes('b'));
    expect(new Set(line.started.slice(0, -1))).toEqual(new Set(['a']));
  });

  it('that outlasts the automatic tries holds the queue rather than block it', async () => {
    const { line, shop } = await lineTo({ away: unreachable });
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await until('pings in vain', () => shop.pings >= 3);
    expect(await line.item(a!.queueId)).toMatchObject({
      held: { cause: 'connection' },
      error: { message: 'connection refused' },
    });
    shop.away = false;
    await line.untilStarted(3);
    expect(line.started).toEqual(['a', 'a', 'b']);
  });

  it('blocks where the settings say so', async () => {
    const { line } = await lineTo({ away: unreachable, hold: { outages: false } });
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    expect(await line.untilState(a!.queueId, 'failed')).toMatchObject({
      error: { cause: 'connection' },
    });
  });

  it('is none when the tries were used up for another cause: that blocks', async () => {
    const { line } = await lineTo({ away: tryAgain });
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await line.untilState(a!.queueId, 'failed');
  });

  it('is none when the far side answers pings and the item fails time after time: that blocks', async () => {
    const { line } = await lineTo({ away: unreachable });
    line.ping = async () => {};
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await line.untilState(a!.queueId, 'failed');
    expect(line.started).toEqual(['a', 'a', 'a', 'a']);
  });

  it('does not count as overcome while the far side hangs on a ping', async () => {
    const { line, shop } = await lineTo({ hold: { pingTimeoutMs: 30 } });
    line.ping = () => {
      shop.pings += 1;
      return new Promise(() => {});
    };
    await line.add('12', 'a');
    await line.startFleet();
    await until('two pings', () => shop.pings >= 2);
    expect((await line.status('channel.12')).heldTimes).toBeGreaterThanOrEqual(1);
    expect(line.started).toEqual(['a']);
  });

  it('of one queue delays no other queue and no parallel item', async () => {
    const { line, shop } = await lineTo();
    await line.put('channel', '13');
    await line.put('source', 'erp');
    line.script = ({ channel }) => (channel === '12' ? down : done);
    await line.add('12', 'a');
    await line.startFleet();
    await until('a ping', () => shop.pings > 0);
    await line.add('13', 'x', 'y');
    await line.enqueuer.enqueue([accept('add_order', { source: 'erp' }, { orderNumber: '1' })]);
    await until('the others', () => ['x', 'y', '1'].every((one) => line.started.includes(one)));
  });
});

describe('a queue on hold', () => {
  it('says until when, since when, why, and for which item, also while the far side is asked', async () => {
    const { line, shop } = await lineTo();
    let answer = () => {};
    line.ping = () => {
      shop.pings += 1;
      return new Promise((_, reject) => {
        answer = () => reject(new Error('connection refused'));
      });
    };
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await until('the first ping', () => shop.pings === 1);
    const asked = await line.status('channel.12');
    expect(asked).toMatchObject({
      state: 'held',
      heldUntil: null,
      heldKind: 'hold',
      heldReason: 'closed for maintenance',
      heldCause: 'connection',
      heldBy: a!.queueId,
      heldTimes: 1,
    });
    answer();
    const again = await until('the hold to be prolonged', async () => {
      const status = await line.status('channel.12');
      return status.heldTimes === 2 ? status : null;
    });
    expect(again).toMatchObject({
      state: 'held',
      heldReason: 'channel 12 is still away: connection refused',
      heldSince: asked.heldSince,
      heldBy: a!.queueId,
      counts: { active: 0, backingOff: 1, waiting: 1 },
    });
    expect(again.heldUntil).not.toBeNull();
    answer();
    await until('the next ping', () => shop.pings > 1);
    answer();
  });

  it('becomes overdue after the grace, and never a block by itself', async () => {
    const { line } = await lineTo({ hold: { graceMs: 60 } });
    await line.add('12', 'a');
    await line.startFleet();
    const status = await until('the hold to be overdue', async () => {
      const now = await line.status('channel.12');
      return now.overdue ? now : null;
    });
    expect(status).toMatchObject({ state: 'held', blocked: false });
    const since = Date.parse(status.heldSince ?? '');
    const key = line.keys.ours(line.keys.shardOf('channel.12'), 'held');
    const [member, score] = await line.redis.zrange(key, '0', '-1', 'WITHSCORES');
    expect([member, Number(score)]).toEqual([`channel.12 ${status.heldBy}`, since]);
  });

  it.each(['retry', 'skip', 'resolve'] as const)('obeys a person’s %s at once', async (verb) => {
    const { line, shop } = await lineTo({ hold: forLong });
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await until('the hold', async () => (await line.status('channel.12')).heldUntil);
    shop.away = false;
    if (verb === 'retry') await line.transitions.retry(a!, 'p');
    else await line.transitions[verb](a!, { actor: 'p', reason: 'gone' });
    await until('b', () => line.started.includes('b'));
    expect(line.started).toEqual(verb === 'retry' ? ['a', 'a', 'b'] : ['a', 'b']);
    // A person who retries knows better than a ping.
    expect(shop.pings).toBe(0);
    const key = line.keys.ours(line.keys.shardOf('channel.12'), 'held');
    expect(await line.redis.zcard(key)).toBe(0);
  });

  it.each(['retry', 'skip', 'resolve'] as const)(
    'obeys a person’s %s also in the middle of a ping, and forgets what the ping says',
    async (verb) => {
      const { line, shop } = await lineTo();
      let answer = () => {};
      line.ping = () => {
        shop.pings += 1;
        return new Promise((resolve) => {
          answer = resolve;
        });
      };
      const [a] = await line.add('12', 'a', 'b');
      await line.startFleet();
      await until('the ping', () => shop.pings === 1);
      expect((await line.item(a!.queueId)).state).toBe('backing-off');
      shop.away = false;
      if (verb === 'retry') await line.transitions.retry(a!, 'p');
      else await line.transitions[verb](a!, { actor: 'p', reason: 'gone' });
      await until('b', () => line.started.includes('b'));
      answer();
      await line.untilState(a!.queueId + 1, 'completed');
      await line.stopFleets();
      expect(line.started).toEqual(verb === 'retry' ? ['a', 'a', 'b'] : ['a', 'b']);
      expect(shop.attempts.slice(0, 2)).toEqual(verb === 'retry' ? [1, 2] : [1, 1]);
      const states = { retry: 'completed', skip: 'skipped', resolve: 'resolved' };
      expect((await line.item(a!.queueId)).state).toBe(states[verb]);
      expect(line.mostRunning.get('channel.12')).toBe(1);
    },
  );

  it('gives its head back without an attempt when the worker stops while it asks', async () => {
    const { line, shop } = await lineTo();
    line.ping = () => {
      shop.pings += 1;
      return new Promise(() => {});
    };
    const [a] = await line.add('12', 'a');
    await line.startFleet();
    await until('the ping', () => shop.pings === 1);
    await line.stopFleets();
    expect(await line.item(a!.queueId)).toMatchObject({ attempts: 1, held: { times: 1 } });
    expect((await line.status('channel.12')).state).toBe('held');
  });

  it('stays paused when its hold is over, and stays on hold when its pause is', async () => {
    const { line, shop } = await lineTo();
    await line.add('12', 'a');
    await line.startFleet();
    await until('a ping', () => shop.pings > 0);
    await line.transitions.pause('channel.12', 'p');
    shop.away = false;
    await until('the hold to be over', async () => {
      const { heldUntil, counts } = await line.status('channel.12');
      return heldUntil === null && counts.active === 0;
    });
    expect(await line.status('channel.12')).toMatchObject({ state: 'paused', paused: true });
    const before = line.started.length;
    shop.away = true;
    await line.transitions.resume('channel.12', 'p');
    if (before === 1) {
      expect(await line.status('channel.12')).toMatchObject({ paused: false, state: 'held' });
    }
    shop.away = false;
    await line.untilState(1, 'completed');
  });

  it('blocks when its head fails after the far side is back, and then says so', async () => {
    const { line, shop } = await lineTo();
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await until('a ping', () => shop.pings > 0);
    line.script = () => fail;
    shop.away = false;
    await line.untilState(a!.queueId, 'failed');
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      blockedBy: { queueId: a!.queueId, cause: 'data' },
      heldUntil: null,
      heldSince: null,
      overdue: false,
    });
  });

  it('is asked about no sooner than the far side said, and not by ping when it throttles', async () => {
    const { line, shop } = await lineTo({
      away: { kind: 'hold', failure: { message: 'slow', cause: 'throttled' }, forMs: 300 },
    });
    await line.add('12', 'a');
    await line.startFleet();
    await line.untilStarted(1);
    const first = Date.now();
    await line.untilStarted(2);
    expect(Date.now() - first).toBeGreaterThanOrEqual(280);
    expect(shop.pings).toBe(0);
  });

  it('is none any more when somebody removed its head with plain BullMQ', async () => {
    const { line } = await lineTo({ hold: forLong });
    const [a] = await line.add('12', 'a', 'b');
    await line.startFleet();
    await until('the hold', async () => (await line.status('channel.12')).heldUntil);
    await (await stockQueue(redis, line, 'channel.12').getJob(String(a!.queueId)))!.remove();
    const key = line.keys.ours(line.keys.shardOf('channel.12'), 'held');
    await until('the index to forget it', async () => (await line.redis.zcard(key)) === 0);
  });

  it('keeps an item of the parallel queue waiting and lets the others pass', async () => {
    const { line, shop } = await lineTo();
    await line.put('source', 'erp');
    line.script = ({ data }) => (data['orderNumber'] === '1' && shop.away ? down : done);
    const order = (orderNumber: string) => accept('add_order', { source: 'erp' }, { orderNumber });
    await line.startFleet();
    const [one] = await line.enqueuer.enqueue(['1', '2', '3'].map(order));
    await until('a ping', () => shop.pings > 0);
    await until('the others', () => ['2', '3'].every((each) => line.started.includes(each)));
    expect(await line.item(one!.queueId)).toMatchObject({ held: { cause: 'connection' } });
    shop.away = false;
    await line.untilState(one!.queueId, 'completed');
    expect(line.started.filter((each) => each === '1')).toEqual(['1', '1']);
  });
});

describe('a worker that dies while it asks', () => {
  it('leaves the queue on hold, and another goes on', async () => {
    witness.sightings.length = 0;
    let away = true;
    let pings = 0;
    witness.answer = () => (away ? 503 : 200);
    witness.ping = () => {
      pings += 1;
      return pings === 1 ? undefined : away ? 503 : 200;
    };
    const line = await new Line(redis).ready();
    await line.put('channel', '12', once, {
      type: 'http',
      url: witness.url,
      pingUrl: `${witness.url}ping`,
      timeoutMs: 30_000,
    });
    const tickets = await line.add('12', 'a', 'b');
    const first = await startWorker(line, redis.url);
    await until('the first ping', () => pings === 1);
    await kill(first);
    expect(await line.status('channel.12')).toMatchObject({ state: 'held', heldTimes: 1 });
    await startWorker(line, redis.url);
    await until('the next ping', () => pings >= 2);
    expect((await line.status('channel.12')).state).toBe('held');
    away = false;
    for (const { queueId } of tickets) await line.untilState(queueId, 'completed');
    expect(witness.sightings.map(({ title }) => title)).toEqual(['a', 'a', 'b']);
    expect(witness.sightings.map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
  });
});

describe('how long a hold lasts', () => {
  const waits = (cause: Cause, forMs?: number) =>
    [0, 1, 2, 3, 4, 5, 99].map((times) => holdFor(standardHold, { cause, forMs, times }, () => 0));

  it('grows from 5 seconds to a minute', () => {
    expect(waits('connection')).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  it('is a minute at once when the far side throttles without naming a time', () => {
    expect(new Set(waits('throttled'))).toEqual(new Set([60_000]));
  });

  it('is what the far side named, up to a day', () => {
    expect(new Set(waits('throttled', 7_000))).toEqual(new Set([7_000]));
    expect(holdFor(standardHold, { cause: 'throttled', forMs: 1e12, times: 0 })).toBe(86_400_000);
    expect(holdFor(standardHold, { cause: 'throttled', forMs: -5, times: 0 })).toBe(0);
    expect(holdFor(standardHold, { cause: 'throttled', forMs: Number.NaN, times: 0 })).toBe(60_000);
  });
});
