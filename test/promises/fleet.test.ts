import { describe, expect, it } from '@jest/globals';
import { Watchdog } from '../../src/fleet/watchdog.js';
import { within } from '../../src/lifecycle.js';
import { EmbeddedRedis } from '../../src/redis/embedded.js';
import { stockQueue } from '../support/bullmq.js';
import { accept, done, Line, product, silent } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const ownDirectory = await temporaryDirectory();
const clients = async (line: Line) =>
  String(await line.redis.client('LIST'))
    .trim()
    .split('\n');
const never = () => new Promise<never>(() => {});

describe('the fleet', () => {
  it('holds three connections, whatever the number of queues', async () => {
    const ids = Array.from({ length: 500 }, (_, n) => String(n));
    const line = await new Line(redis).ready(...ids);
    const before = (await clients(line)).length;
    await line.startFleet();
    await line.enqueuer.enqueue(ids.map((id) => product(id, id)));
    await line.untilStarted(500);
    expect((await clients(line)).length - before).toBe(3);
  });

  it('delivers what a plain BullMQ producer adds, in order, within a sweep, under an id of its own', async () => {
    const line = await new Line(redis).ready('12', '13');
    await line.startFleet();
    const others = await Promise.all(
      ['12', '13'].map(async (id) => {
        const stock = stockQueue(redis, line, `channel.${id}`);
        const jobs = [];
        for (const n of ['0', '1', '2'])
          jobs.push(await stock.add('add_product', { sku: `S${id}${n}`, title: `${id}:${n}` }));
        return jobs.map((job) => Number(job.id));
      }),
    );
    const [ours] = await line.add('12', 'ours');
    await line.untilStarted(7);
    for (const id of ['12', '13']) {
      const mine = line.started.filter((title) => title.startsWith(`${id}:`));
      expect(mine).toEqual([`${id}:0`, `${id}:1`, `${id}:2`]);
    }
    expect(new Set([...others.flat(), ours!.queueId]).size).toBe(7);
    const adopted = await line.untilState(others[0]![0]!, 'completed');
    expect(adopted).toMatchObject({
      queue: 'channel.12',
      title: '12:0',
      entity: { kind: 'sku', key: 'S120' },
    });
    expect(
      (await line.finder.search({ entity: { kind: 'sku', key: 'S130' } }, 5)).items,
    ).toHaveLength(1);
  });

  it('puts an item back at the head when its worker is gone, and fails it with words after 3 deaths', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12');
    const [a] = await line.add('12', 'a', 'b');
    const shard = line.keys.shardOf('channel.12');
    for (let death = 1; death <= 3; death += 1) {
      // A worker that claims and is never heard of again.
      const [claim] = await line.deliveries.claim(shard, 'blocking', 1, `dead ${death}`);
      expect(claim?.item).toMatchObject({ queueId: a!.queueId, attempts: death });
      await until('the dead worker to be noticed', async () => {
        const { recovered, failed } = await line.deliveries.tend(shard, 3);
        return recovered + failed === 1;
      });
    }
    const item = await line.item(a!.queueId);
    expect(item.state).toBe('failed');
    expect(item.error?.message).toContain('died or hung 3 times');
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      counts: { waiting: 1, active: 0 },
    });
  });

  it('finds an item that a stock worker took and left', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12');
    await line.add('12', 'a', 'b');
    // Taken without Andon's in-flight index, as plain BullMQ does.
    await line.redis.rpoplpush(
      line.keys.queue('channel.12', 'wait'),
      line.keys.queue('channel.12', 'active'),
    );
    await line.startFleet();
    await line.untilStarted(2);
    expect(line.started).toEqual(['a', 'b']);
  });

  it('finishes what runs when it stops, and takes nothing more', async () => {
    const line = await new Line(redis, { fleet: { stopGraceMs: 5_000 } }).ready('12');
    let finish: (() => void) | undefined;
    line.script = () =>
      new Promise((resolve) => {
        finish = () => resolve(done);
      });
    await line.startFleet();
    const [a] = await line.add('12', 'a', 'b');
    await line.untilStarted(1);
    const stopping = line.stopFleets();
    finish?.();
    await stopping;
    expect((await line.item(a!.queueId)).state).toBe('completed');
    expect(await line.status('channel.12')).toMatchObject({ counts: { waiting: 1, active: 0 } });
    expect(line.started).toEqual(['a']);
  });

  it('hands back what does not end within the grace: the head again, at once, no death counted', async () => {
    const line = await new Line(redis, { fleet: { stopGraceMs: 50 } }).ready('12');
    let signal: AbortSignal | undefined;
    line.script = (delivery) => {
      signal = delivery.signal;
      return never();
    };
    await line.startFleet();
    await line.add('12', 'a', 'b');
    await line.untilStarted(1);
    await within(3_000, line.stopFleets(), 'stop');
    expect(signal?.aborted).toBe(true);
    line.script = () => done;
    const again = await new Line(redis, { prefix: line.prefix }).ready();
    await again.startFleet();
    await again.untilStarted(2);
    expect(again.started).toEqual(['a', 'b']);
    expect(await again.redis.hget(line.keys.item('channel.12', 1), 'deaths')).toBeNull();
  });

  it('stops within its deadline while Redis is away, and twice is as good as once', async () => {
    const own = new EmbeddedRedis({ dataDir: ownDirectory });
    await own.start();
    const line = await new Line(redis, { url: own.url }).ready('12');
    await line.startFleet();
    await line.add('12', 'a');
    await line.untilStarted(1);
    await own.stop();
    const begun = performance.now();
    await Promise.all([line.stopFleets(), line.stopFleets()]);
    expect(performance.now() - begun).toBeLessThan(8_000);
  });

  it('goes on by itself after SCRIPT FLUSH, in order', async () => {
    const line = await new Line(redis, { fleet: { budget: 2 } }).ready('12');
    await line.startFleet();
    const titles = Array.from({ length: 60 }, (_, n) => String(n));
    for (const title of titles) {
      await line.add('12', title);
      await line.redis.script('FLUSH');
    }
    await line.untilStarted(60);
    expect(line.started).toEqual(titles);
  });

  it('serves a channel that is put while it runs', async () => {
    const line = await new Line(redis).ready();
    await line.startFleet();
    await line.put('channel', 'new');
    const begun = performance.now();
    await line.add('new', 'a');
    await line.untilStarted(1);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('forgets the oldest finished items beyond what is kept, everywhere', async () => {
    const line = await new Line(redis, { keep: 5 }).ready('12');
    await line.startFleet();
    const tickets = await line.add('12', ...Array.from({ length: 30 }, (_, n) => `k${n}`));
    await line.untilState(tickets[29]!.queueId, 'completed');
    expect((await line.status('channel.12')).counts.completed).toBe(5);
    expect(await line.finder.item(tickets[0]!.queueId)).toBeNull();
    expect((await line.finder.search({}, 50)).items).toHaveLength(5);
    expect((await line.finder.search({ entity: { kind: 'sku', key: 'k0' } }, 5)).items).toEqual([]);
  });

  it('keeps its own event streams short: 100 entries a queue, not BullMQ’s 10,000', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a');
    expect(await line.redis.hget(line.keys.queue('channel.12', 'meta'), 'opts.maxLenEvents')).toBe(
      '100',
    );
  });

  it('refuses a late settling under a lock that somebody else has now', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12');
    await line.add('12', 'a');
    const shard = line.keys.shardOf('channel.12');
    const [first] = await line.deliveries.claim(shard, 'blocking', 1, 'first');
    await until(
      'the lock to end',
      async () => (await line.deliveries.tend(shard, 9)).recovered === 1,
    );
    const [second] = await line.deliveries.claim(shard, 'blocking', 1, 'second');
    expect(second!.fence).toBeGreaterThan(first!.fence);
    expect(await line.deliveries.complete(first!, null, true)).toEqual({ stored: false });
    expect(await line.deliveries.fail(first!, { message: 'late', cause: 'bug' }, true)).toEqual({
      stored: false,
    });
    expect(
      await line.deliveries.backOff(first!, { message: 'late', cause: 'bug' }, 1, true),
    ).toEqual({ stored: false });
    expect(await line.deliveries.giveBack(first!)).toBe(false);
    expect((await line.item(first!.item.queueId)).state).toBe('active');
    expect(await line.deliveries.complete(second!, null, true)).toEqual({
      stored: true,
      became: 'completed',
      next: null,
    });
  });

  it('takes a settling that is sent again, because its reply was lost, as what it is', async () => {
    const line = await new Line(redis).ready('12');
    const [a] = await line.add('12', 'a');
    const [claim] = await line.deliveries.claim(
      line.keys.shardOf('channel.12'),
      'blocking',
      1,
      'me',
    );
    await line.deliveries.complete(claim!, { n: 1 }, true);
    expect(await line.deliveries.complete(claim!, { n: 1 }, true)).toEqual({
      stored: true,
      became: 'completed',
      next: null,
    });
    expect((await line.item(a!.queueId)).outcome).toEqual({ result: { n: 1 } });
  });
});

describe('the watchdog', () => {
  const watch = (silenceMs: number, redisAnswers: boolean, limitMs = 1_000) => {
    const gaveUp: string[] = [];
    let asked = 0;
    const dog = new Watchdog(
      [{ name: 'crew', silenceMs }],
      {
        limitMs,
        redisAnswers: async () => {
          asked += 1;
          return redisAnswers;
        },
        giveUp: (why) => gaveUp.push(why),
      },
      silent,
    );
    return { dog, gaveUp, asked: () => asked };
  };

  it('ends a process that hangs although Redis answers', async () => {
    const { dog, gaveUp } = watch(5_000, true);
    await dog.start();
    await until('it to give up', () => gaveUp.length > 0);
    await dog.stop();
    expect(gaveUp[0]).toContain('crew has been silent for 5 s although Redis answers');
  });

  it('waits while Redis is away', async () => {
    const { dog, gaveUp, asked } = watch(5_000, false);
    await dog.start();
    await until('it to look twice', () => asked() > 1);
    await dog.stop();
    expect(gaveUp).toEqual([]);
  });
});

describe('services', () => {
  it('carry out instructions that belong to no source or channel', async () => {
    const line = await new Line(redis).ready();
    await line.put('service', 'fulfillment');
    await line.startFleet();
    const [a] = await line.enqueuer.enqueue([accept('fulfill_order', {}, { orderNumber: '1001' })]);
    await line.untilState(a!.queueId, 'completed');
    expect(line.started).toEqual(['1001']);
  });
});
