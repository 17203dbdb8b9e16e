import { describe, expect, it } from '@jest/globals';
import type { Job } from 'bullmq';
import type { Claimed } from '../../src/blocking/deliveries.js';
import { Standing } from '../../src/queues/standing.js';
import { stockQueue } from '../support/bullmq.js';
import {
  accept,
  blockedByA,
  done,
  fail,
  failure,
  Line,
  product,
  tryAgain,
} from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const shardOf = (line: Line) => line.keys.shardOf('channel.12');

/** How many scripts Redis ran while `act` went on. */
async function scriptsDuring(line: Line, act: () => Promise<unknown>): Promise<number> {
  const count = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await line.redis.info('commandstats'))?.[1] ?? 0);
  const before = await count();
  await act();
  return (await count()) - before;
}

describe('beside plain BullMQ producers', () => {
  it('no item of the parallel queue is overwritten by theirs', async () => {
    const line = await new Line(redis).ready('12');
    await line.put('service', 'fulfillment');
    await line.add('12', 'a');
    const [ours] = await line.enqueuer.enqueue([
      accept('fulfill_order', {}, { orderNumber: 'ours' }),
    ]);
    const stock = stockQueue(redis, line, 'parallel');
    for (const orderNumber of ['t1', 't2', 't3']) await stock.add('fulfill_order', { orderNumber });
    await line.startFleet();
    await line.untilStarted(5);
    expect([...line.started].sort()).toEqual(['a', 'ours', 't1', 't2', 't3']);
    expect((await line.item(ours!.queueId)).data).toEqual({ orderNumber: 'ours' });
  });

  it.each(['order-77', 'order 77', '0123', 'repeat-é'])(
    'an item under the id "%s" is delivered once, in its turn, under a number',
    async (jobId) => {
      const line = await new Line(redis).ready('12');
      const stock = stockQueue(redis, line, 'channel.12');
      await line.add('12', 'before');
      await stock.add('add_product', { sku: 'S', title: 'theirs' }, { jobId });
      await line.add('12', 'after');
      line.script = ({ data }) => (data['title'] === 'theirs' ? fail : done);
      await line.startFleet();
      const status = await until('the queue to be blocked', async () => {
        const now = await line.status('channel.12');
        return now.blockedBy ? now : undefined;
      });
      const item = await line.item(status.blockedBy!.queueId);
      expect(item).toMatchObject({
        state: 'failed',
        title: 'theirs',
        entity: { kind: 'sku', key: 'S' },
      });
      await line.transitions.skip(item, { actor: 'x', reason: 'gone' });
      await line.untilStarted(3);
      expect(line.started).toEqual(['before', 'theirs', 'after']);
    },
  );

  it('the item of a dead worker is found again, whatever its id was', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12', '13');
    await stockQueue(redis, line, 'channel.12').add(
      'add_product',
      { sku: 'S', title: 'theirs' },
      { jobId: 'a b' },
    );
    await line.add('13', 'neighbour');
    await line.deliveries.sweep(shardOf(line), ['channel.12']);
    expect(await line.deliveries.claim(shardOf(line), 'blocking', 5, 'dead')).toHaveLength(2);
    await line.startFleet();
    await line.untilStarted(2);
    expect([...line.started].sort()).toEqual(['neighbour', 'theirs']);
  });

  it('an item that was given a queue id keeps it, though its first worker dies at once', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12');
    const stock = stockQueue(redis, line, 'channel.12');
    await stock.add('add_product', { sku: 'S', title: 'theirs' }, { jobId: 'order-77' });
    await line.deliveries.sweep(shardOf(line), ['channel.12']);
    const [dead] = await line.deliveries.claim(shardOf(line), 'blocking', 1, 'dead');
    await until(
      'the recovery',
      async () => (await line.deliveries.tend(shardOf(line), 3)).recovered > 0,
    );
    const [next] = await line.deliveries.claim(shardOf(line), 'blocking', 1, 'next');
    expect(next?.item.queueId).toBe(dead?.item.queueId);
  });

  it('each queue has a range of ids of its own, though all are put at the same moment and twice', async () => {
    const line = await new Line(redis).ready();
    const ids = Array.from({ length: 10 }, (_, n) => String(n));
    await Promise.all([...ids, ...ids].map((id) => line.put('channel', id)));
    const jobs = await Promise.all(
      ids.map((id) =>
        stockQueue(redis, line, `channel.${id}`).add('add_product', { sku: id, title: id }),
      ),
    );
    expect(new Set(jobs.map((job) => job.id)).size).toBe(10);
    for (const [n, job] of jobs.entries()) {
      expect(await line.finder.queueOf(Number(job.id))).toBe(`channel.${n}`);
    }
  });

  it('our own ids are found also when they grow beyond a thousand million', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a');
    await line.redis.set(line.keys.ours(shardOf(line), 'id'), '1000000000');
    const [b] = await line.add('12', 'b');
    expect(b!.queueId).toBe(1_000_000_001);
    expect((await line.item(b!.queueId)).title).toBe('b');
  });

  it('their `lifo` does not overtake a head that backs off', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 3, firstDelayMs: 1_500, maxDelayMs: 1_500 });
    line.script = ({ data, attempt }) => (data['title'] === 'a' && attempt === 1 ? tryAgain : done);
    await line.startFleet();
    const [a] = await line.add('12', 'a', 'b');
    await line.untilState(a!.queueId, 'backing-off');
    await stockQueue(redis, line, 'channel.12').add(
      'add_product',
      { sku: 'X', title: 'x' },
      { lifo: true },
    );
    await line.untilStarted(4);
    expect(line.started).toEqual(['a', 'a', 'x', 'b']);
  });
});

it('a queue that was emptied with plain BullMQ does not go on counting what waits in it', async () => {
  const line = await new Line(redis).ready('12', '13');
  await line.add('12', 'a', 'b');
  await stockQueue(redis, line, 'channel.12').drain();
  const [c] = await line.add('13', 'c', 'd');
  const [claim] = await line.deliveries.claim(shardOf(line), 'blocking', 5, 'by hand');
  expect(claim?.item.queueId).toBe(c!.queueId);
  await line.deliveries.fail(claim!, failure, false);
  await stockQueue(redis, line, 'channel.13').drain();
  await line.deliveries.sweep(shardOf(line), ['channel.12', 'channel.13']);
  const standing = new Standing(line.redis, line.scripts, line.keys);
  const kinds = await standing.kinds(['channel.12', 'channel.13']);
  expect([...kinds].map(([queue, of]) => [queue, ...of])).toEqual([
    ['channel.12'],
    ['channel.13', ['sku', 1]],
  ]);
});

it('nor one that had items of thousands of kinds, and the sweep of all others goes on', async () => {
  const line = await new Line(redis).ready('12');
  const kinds = Array.from({ length: 9_000 }, (_, n) => [`open:kind_${n}`, '1']).flat();
  await line.redis.hset(line.keys.line('channel.12'), ...kinds);
  await line.deliveries.sweep(shardOf(line), ['channel.12']);
  expect(await line.redis.hlen(line.keys.line('channel.12'))).toBe(0);
});

describe('what somebody did with a stock dashboard is counted as it is', () => {
  const order = (orderNumber: string) => accept('update_order_instruction', {}, { orderNumber });
  async function failedOrder() {
    const line = await new Line(redis).ready('12');
    await line.put('service', 'hub');
    const [ticket] = await line.enqueuer.enqueue([order('1')]);
    const [claim] = await line.deliveries.claim(shardOf(line), 'parallel', 1, 'by hand');
    await line.deliveries.fail(claim!, failure, false);
    const stock = stockQueue(redis, line, 'parallel');
    const standing = new Standing(line.redis, line.scripts, line.keys);
    return { line, stock, standing, queueId: ticket!.queueId };
  }

  it.each<[string, (job: Job) => Promise<unknown>]>([
    ['a failed item of the parallel queue that was removed', (job) => job.remove()],
    ['one that was retried', (job) => job.retry()],
  ])('%s', async (_, act) => {
    const { line, stock, standing } = await failedOrder();
    const [job] = await stock.getFailed();
    await act(job!);
    expect(await standing.countFailed()).toBe(1);
    await line.deliveries.sweep(shardOf(line), ['parallel']);
    expect(await standing.countFailed()).toBe(0);
  });

  it('however many failed, each in its turn', async () => {
    const { line, standing } = await failedOrder();
    const failed = line.keys.ours(shardOf(line), 'failed');
    const gone = Array.from({ length: 250 }, (_, n) => [n, String(1_000 + n)]).flat();
    await line.redis.zadd(failed, ...gone);
    await until('the rest to be struck off', async () => {
      await line.deliveries.sweep(shardOf(line), ['parallel']);
      return (await standing.countFailed()) === 1;
    });
  });

  it('a skipped item that was run again', async () => {
    const { line, stock, queueId } = await failedOrder();
    await line.transitions.skip({ queue: 'parallel', queueId }, { actor: 'x', reason: 'no' });
    const [job] = await stock.getCompleted();
    await job!.retry('completed');
    await line.startFleet();
    await line.untilState(queueId, 'completed');
    const { counts } = await line.status('parallel');
    expect(counts).toMatchObject({ completed: 1, skipped: 0 });
    const kinds = await new Standing(line.redis, line.scripts, line.keys).kinds(['parallel']);
    expect([...kinds.get('parallel')!]).toEqual([]);
    expect(await line.redis.zcard(line.keys.ours(shardOf(line), 'skipped'))).toBe(0);
  });
});

it('what a late worker knows of their item changes nothing that a person has edited since', async () => {
  const line = await new Line(redis).ready('12');
  const add = { sku: 'OLD', title: 'old' };
  await stockQueue(redis, line, 'channel.12').add('add_product', add);
  await line.deliveries.sweep(shardOf(line), ['channel.12']);
  const [claim] = await line.deliveries.claim(shardOf(line), 'blocking', 1, 'by hand');
  const { item } = claim!;
  const known = { title: 'old', entity: { kind: 'sku', key: 'OLD' }, barrier: 'add', client: null };
  await line.deliveries.adopt(item, known);
  await line.deliveries.fail(claim!, failure, false);
  const entity = { kind: 'sku', key: 'NEW' };
  await line.transitions.edit(item, { actor: 'x', data: {}, title: 'new', entity });
  await line.deliveries.adopt(item, known);
  expect(await line.item(item.queueId)).toMatchObject({ title: 'new', entity });
});

it('an id of theirs that an item of another queue has is no id of this one: it gets one of its own', async () => {
  const line = await new Line(redis).ready('12', '13');
  const theirs = '123456789012';
  for (const queue of ['channel.12', 'channel.13']) {
    const data = JSON.stringify({ sku: queue, title: queue });
    await line.redis.hset(line.keys.item(queue, theirs), {
      name: 'add_product',
      data,
      timestamp: 1,
      opts: '{}',
    });
    await line.redis.lpush(line.keys.queue(queue, 'wait'), theirs);
  }
  await line.deliveries.sweep(shardOf(line), ['channel.12', 'channel.13']);
  const claims = await line.deliveries.claim(shardOf(line), 'blocking', 5, 'by hand');
  expect(new Set(claims.map(({ item }) => item.queueId)).size).toBe(2);
  for (const { item } of claims) expect((await line.item(item.queueId)).queue).toBe(item.queue);
});

describe('their `lifo` overtakes no head that was tried before', () => {
  async function withHead() {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a', 'b');
    const [a] = await claimOne(line);
    return { line, a: a! };
  }
  const claimOne = (line: Line) => line.deliveries.claim(shardOf(line), 'blocking', 1, 'by hand');
  const failed = { message: 'no', cause: 'data' };

  it.each<[string, (line: Line, a: Claimed) => Promise<unknown>]>([
    [
      'a person has it run again',
      async (line, a) => {
        await line.deliveries.fail(a, failed, false);
        await line.transitions.retry(a.item, 'v');
      },
    ],
    [
      'its hold is over',
      async (line, a) => {
        await line.deliveries.hold(a, failed, 0, false);
        await until(
          'it to be over',
          async () => (await line.deliveries.tend(shardOf(line), 3)).released,
        );
      },
    ],
    ['its worker hands it back', (line, a) => line.deliveries.giveBack(a)],
    ['its claim was lost', (line) => line.deliveries.unclaim(shardOf(line), 'by hand')],
    [
      'its worker died',
      async (line, a) => {
        await line.redis.del(line.keys.lock('channel.12', a.item.queueId));
        await line.redis.zadd(
          line.keys.ours(shardOf(line), 'inflight'),
          0,
          `channel.12 ${a.item.queueId}`,
        );
        expect(await line.deliveries.tend(shardOf(line), 3)).toMatchObject({ recovered: 1 });
      },
    ],
    [
      'its worker lost the lock',
      async (line, a) => {
        await line.redis.del(line.keys.lock('channel.12', a.item.queueId));
        await line.deliveries.pardon(a);
      },
    ],
  ])('%s', async (_, bringBack) => {
    const { line, a } = await withHead();
    await bringBack(line, a);
    const add = { sku: 'X', title: 'x' };
    await stockQueue(redis, line, 'channel.12').add('add_product', add, { lifo: true });
    const [next] = await claimOne(line);
    expect(next?.item.queueId).toBe(a.item.queueId);
    const { stored, ...rest } = await line.deliveries.complete(next!, null, true);
    expect(stored && 'next' in rest && rest.next?.item.data).toEqual(add);
  });

  it('and a head that was dealt with has no say any more, though it comes back by an undo', async () => {
    const { line, a } = await withHead();
    await line.deliveries.fail(a, failed, false);
    await line.transitions.pause('channel.12', 'v');
    await line.transitions.retry(a.item, 'v');
    await line.transitions.clear('channel.12', 'v', 'all', 2);
    await line.add('12', 'c');
    await line.transitions.undoSkip([a.item], 'v');
    await stockQueue(redis, line, 'channel.12').add('x', {}, { lifo: true });
    expect(await line.redis.hexists(line.keys.line('channel.12'), 'first')).toBe(0);
  });
});

it('nothing starts beside what a stock worker has, whatever BullMQ’s own concurrency says', async () => {
  const line = await new Line(redis).ready('12');
  await line.add('12', 'a', 'b');
  const stock = stockQueue(redis, line, 'channel.12');
  await stock.setGlobalConcurrency(5);
  const theirs = await line.redis.rpoplpush(
    line.keys.queue('channel.12', 'wait'),
    line.keys.queue('channel.12', 'active'),
  );
  expect(theirs).not.toBeNull();
  expect(await line.deliveries.claim(shardOf(line), 'blocking', 5, 'ours')).toEqual([]);
});

describe('beside switches that are turned with plain BullMQ', () => {
  it.each([
    ['pause', (queue: ReturnType<typeof stockQueue>) => queue.pause()],
    ['concurrency 0', (queue: ReturnType<typeof stockQueue>) => queue.setGlobalConcurrency(0)],
    [
      'a rate limit',
      async (queue: ReturnType<typeof stockQueue>) => {
        await queue.setGlobalRateLimit(1, 60_000);
        await queue.rateLimit(60_000);
      },
    ],
  ])('%s: idle workers stay idle', async (_, turn) => {
    const line = await new Line(redis, { fleet: { sweepMs: 60_000, tendMs: 10_000 } }).ready('12');
    await turn(stockQueue(redis, line, 'channel.12'));
    await line.startFleet();
    const scripts = await scriptsDuring(line, async () => {
      await line.add('12', 'a');
      const begun = performance.now();
      await until('a second to pass', () => performance.now() - begun > 1_000);
    });
    expect(scripts).toBeLessThan(30);
  });

  it('concurrency 0 on an open queue is put right by the sweeper', async () => {
    const line = await new Line(redis).ready('12');
    await stockQueue(redis, line, 'channel.12').setGlobalConcurrency(0);
    await line.startFleet();
    await line.add('12', 'a');
    await line.untilStarted(1);
  });

  it('a pause while the queue is blocked is no block, so a retry does not lift it', async () => {
    const { line, a } = await blockedByA(redis);
    const stock = stockQueue(redis, line, 'channel.12');
    await stock.pause();
    await line.transitions.skip(a!, { actor: 'x', reason: 'gone' });
    expect(await line.status('channel.12')).toMatchObject({
      state: 'paused',
      blocked: false,
      pausedBy: { actor: 'a BullMQ client' },
    });
    await stock.resume();
    await line.untilStarted(2);
  });

  it('a retry of the failed item by plain BullMQ opens nothing, and ours still works', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ attempt }) => (attempt === 1 ? fail : done);
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    await line.untilState(a!.queueId, 'failed');
    line.script = () => done;
    await line.add('12', 'b');
    const [job] = await stockQueue(redis, line, 'channel.12').getFailed();
    await job!.retry();
    await line.deliveries.sweep(shardOf(line), ['channel.12']);
    expect(await line.item(a!.queueId)).toMatchObject({ state: 'failed' });
    expect((await line.status('channel.12')).state).toBe('blocked');
    await line.transitions.retry(a!, 'x');
    await line.untilStarted(3);
    expect(line.started).toEqual(['a', 'a', 'b']);
  });

  it.each(['skip', 'resolve'] as const)(
    'a failed item that was removed still blocks, is still found, and a %s lets the queue go on',
    async (verb) => {
      const line = await new Line(redis).ready('12');
      line.script = ({ data }) => (data['title'] === 'a' ? fail : done);
      await line.startFleet();
      const [a] = await line.add('12', 'a', 'b');
      await line.untilState(a!.queueId, 'failed');
      await stockQueue(redis, line, 'channel.12').clean(0, 10, 'failed');
      const item = await line.item(a!.queueId);
      expect(item).toMatchObject({ state: 'failed', title: '(removed)' });
      await expect(line.transitions.retry(item, 'x')).rejects.toMatchObject({ status: 409 });
      await line.transitions[verb](item, { actor: 'x', reason: 'gone' });
      await line.untilStarted(2);
      expect(line.started).toEqual(['a', 'b']);
    },
  );
});

describe('beside bad luck', () => {
  it('an error message that ends in half a character blocks like any other', async () => {
    const line = await new Line(redis).ready('12', '13');
    await line.put('channel', '13', { attempts: 2, firstDelayMs: 1, maxDelayMs: 1 });
    const cut = { message: 'cut off \ud83d', cause: 'data' } as const;
    line.script = ({ channel }) => ({ kind: channel === '12' ? 'fail' : 'retry', failure: cut });
    await line.startFleet();
    const [a] = await line.add('12', 'a', 'b');
    const [c] = await line.add('13', 'c', 'd');
    expect((await line.untilState(a!.queueId, 'failed')).error?.message).toBe('cut off \ufffd');
    expect((await line.untilState(c!.queueId, 'failed')).attempts).toBe(2);
  });

  it('a parallel item taken again by the same worker does not accept the result of its first delivery', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready();
    const shard = line.keys.shardOf('parallel');
    await line.enqueuer.enqueue(
      ['1', '2'].map((orderNumber) => accept('add_order', { source: 'erp' }, { orderNumber })),
    );
    const [first, second] = await line.deliveries.claim(shard, 'parallel', 2, 'me');
    await line.redis.del(`${line.keys.item('parallel', first!.item.queueId)}:lock`);
    await until('the first to be recovered', async () => {
      await line.deliveries.renew([second!]);
      return (await line.deliveries.tend(shard, 3)).recovered > 0;
    });
    const settled = await line.deliveries.complete(second!, null, true);
    const again = settled.stored ? settled.next : null;
    expect(again?.item.queueId).toBe(first!.item.queueId);
    expect(await line.deliveries.complete(first!, 'old', false)).toEqual({ stored: false });
    expect(await line.deliveries.complete(again!, 'new', false)).toMatchObject({ stored: true });
    expect((await line.item(first!.item.queueId)).outcome).toEqual({ result: 'new' });
  });

  it('the item that was taken in a reply that got lost is told again', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a', 'b');
    const [a] = await line.deliveries.claim(shardOf(line), 'blocking', 1, 'me');
    const lost = await line.deliveries.complete(a!, null, true);
    const told = await line.deliveries.complete(a!, null, true);
    const { askedAt: _, ...taken } = (lost.stored && lost.next) || {};
    expect(told).toMatchObject({ ...lost, next: taken });
    expect(told.stored && told.next?.item.title).toBe('b');
  });

  it('a worker that lost its locks and lives does not count as killed', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12');
    let finish: (() => void) | undefined;
    line.script = ({ attempt }) =>
      attempt < 5
        ? new Promise(() => {})
        : new Promise((resolve) => {
            finish = () => resolve(done);
          });
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    for (const attempt of [1, 2, 3, 4]) {
      await line.untilStarted(attempt);
      await line.redis.del(`${line.keys.item('channel.12', a!.queueId)}:lock`);
    }
    await line.untilStarted(5);
    await until('the last delivery', () => finish !== undefined);
    finish?.();
    await line.untilState(a!.queueId, 'completed');
  });

  it('a skip by entity keeps the order of what stays, also when it takes hundreds out', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ data }) => (data['title'] === 'bad' ? fail : done);
    const update = (n: number, sku: string) =>
      accept('update_product', { channel: '12' }, { sku, title: `${sku}${n}` });
    const behind = Array.from({ length: 600 }, (_, n) => update(n, n % 2 ? 'TSH' : 'CAP'));
    const [bad] = await line.enqueuer.enqueue([product('12', 'bad', { sku: 'TSH' }), ...behind]);
    await line.startFleet();
    await line.untilState(bad!.queueId, 'failed');
    expect(
      await line.transitions.skip(bad!, { actor: 'x', reason: 'gone', scope: 'entity' }),
    ).toHaveLength(301);
    await line.untilStarted(301);
    expect(line.started.slice(1)).toEqual(Array.from({ length: 300 }, (_, n) => `CAP${n * 2}`));
  });

  it('what was skipped or resolved stays findable when completed items are forgotten', async () => {
    const line = await new Line(redis, { keep: 2 }).ready('12');
    line.script = ({ data }) =>
      String(data['title']).startsWith('bad') ? { kind: 'fail', failure } : done;
    await line.startFleet();
    const [bad1, bad2] = await line.add('12', 'bad1', 'bad2');
    await line.untilState(bad1!.queueId, 'failed');
    await line.transitions.skip(bad1!, { actor: 'x', reason: 'gone' });
    await line.untilState(bad2!.queueId, 'failed');
    await line.transitions.resolve(bad2!, { actor: 'x' });
    const more = await line.add('12', ...Array.from({ length: 20 }, (_, n) => `g${n}`));
    await line.untilState(more[19]!.queueId, 'completed');
    expect((await line.item(bad1!.queueId)).state).toBe('skipped');
    expect((await line.item(bad2!.queueId)).state).toBe('resolved');
    expect((await line.status('channel.12')).counts).toMatchObject({
      completed: 2,
      skipped: 1,
      resolved: 1,
    });
  });
});
