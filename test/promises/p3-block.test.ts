import { describe, expect, it } from '@jest/globals';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Conflict } from '../../src/errors.js';
import { stockQueue } from '../support/bullmq.js';
import { done, fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

/** A line whose channel 12 is blocked by `b`, with `c` and `d` behind it. */
async function blockedLine(options: ConstructorParameters<typeof Line>[1] = {}) {
  const line = await new Line(redis, options).ready('12');
  line.script = ({ data }) => (data['title'] === 'b' ? fail : done);
  await line.startFleet();
  const [a, b, c, d] = await line.add('12', 'a', 'b', 'c', 'd');
  await line.untilState(b!.queueId, 'failed');
  return { line, a: a!, b: b!, c: c!, d: d! };
}

/** Whatever could start has had its chance: another queue, fed now, has been served since. */
async function nothingElseStarts(line: Line): Promise<void> {
  const before = line.started.length;
  await line.put('channel', 'probe');
  for (const n of ['p1', 'p2', 'p3']) {
    await line.add('probe', n);
    await until(`${n} to start`, () => line.started.at(-1) === n);
  }
  expect(line.started.slice(before)).toEqual(['p1', 'p2', 'p3']);
  expect(await line.status('channel.12')).toMatchObject({
    state: 'blocked',
    counts: { waiting: 2 },
  });
}

describe('P3: after a failure nothing behind it starts until a person has dealt with it', () => {
  it('delivers in order, stops at the failed item and says why', async () => {
    const { line, b } = await blockedLine();
    expect(line.started).toEqual(['a', 'b']);
    expect((await line.item(b.queueId)).error).toMatchObject({
      message: 'the shop said no',
      cause: 'data',
    });
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      blocked: true,
      paused: false,
      blockedBy: { queueId: b.queueId, title: 'b', error: 'the shop said no' },
      counts: { waiting: 2, failed: 1, completed: 1 },
    });
    await nothingElseStarts(line);
  });

  it('has no instant in which an item has failed and its queue still runs', async () => {
    const line = await new Line(redis).ready('12');
    line.script = () => fail;
    await line.startFleet();
    const watcher = new Redis(redis.url);
    const name = 'channel.12';
    let looks = 0;
    let open = 0;
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const reply = await watcher
          .multi()
          .zcard(line.keys.queue(name, 'failed'))
          .hexists(line.keys.line(name), 'blockedBy')
          .hget(line.keys.queue(name, 'meta'), 'paused')
          .hget(line.keys.queue(name, 'meta'), 'concurrency')
          .exec();
        const [failed, blocked, paused, concurrency] = (reply ?? []).map(([, value]) => value);
        looks += 1;
        if (failed === 1 && !(blocked === 1 && paused !== null && concurrency === '0')) open += 1;
      }
    })();
    try {
      for (let n = 0; n < 100; n += 1) {
        const [item] = await line.add('12', `bad ${n}`);
        await line.untilState(item!.queueId, 'failed');
        await line.transitions.skip(item!, { actor: 'test', reason: 'gone' });
      }
    } finally {
      watching = false;
      await watch;
      watcher.disconnect();
    }
    expect(looks).toBeGreaterThan(100);
    expect(open).toBe(0);
  });

  it('stays blocked when another worker starts, sweeps and tends', async () => {
    const { line } = await blockedLine();
    await line.startFleet();
    await line.deliveries.sweep(line.keys.shardOf('channel.12'), ['channel.12']);
    await line.deliveries.tend(line.keys.shardOf('channel.12'), 3);
    await nothingElseStarts(line);
  });

  it('stays blocked when more is enqueued, and what was enqueued waits behind', async () => {
    const { line, b } = await blockedLine();
    const [late] = await line.add('12', 'late');
    expect(late!.position).toBe(3);
    await line.transitions.skip(b, { actor: 'test', reason: 'gone' });
    await line.untilState(late!.queueId, 'completed');
    expect(line.started).toEqual(['a', 'b', 'c', 'd', 'late']);
  });

  it('is not opened by resume, and says what is to be done instead', async () => {
    const { line, b } = await blockedLine();
    await expect(line.transitions.resume('channel.12', 'test')).rejects.toThrow(
      new Conflict(`channel.12 is blocked by item ${b.queueId}: retry, skip or resolve it`),
    );
    await nothingElseStarts(line);
  });

  it('keeps a pause and a block apart: resume lifts only the pause, retry only the block', async () => {
    const { line, b } = await blockedLine();
    await line.transitions.pause('channel.12', 'test', 'stock-taking');
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      blocked: true,
      paused: true,
    });
    await line.transitions.resume('channel.12', 'test');
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      blocked: true,
      paused: false,
    });
    await line.transitions.pause('channel.12', 'test');
    line.script = () => done;
    await line.transitions.retry(b, 'test');
    expect(await line.status('channel.12')).toMatchObject({
      state: 'paused',
      blocked: false,
      paused: true,
    });
    await line.transitions.resume('channel.12', 'test');
    await line.untilStarted(5);
    expect(line.started).toEqual(['a', 'b', 'b', 'c', 'd']);
  });

  it.each([
    ['resume', (queue: ReturnType<typeof stockQueue>) => queue.resume()],
    [
      'set global concurrency',
      (queue: ReturnType<typeof stockQueue>) => queue.setGlobalConcurrency(1),
    ],
    [
      'remove global concurrency',
      (queue: ReturnType<typeof stockQueue>) => queue.removeGlobalConcurrency(),
    ],
    ['clean the failed', (queue: ReturnType<typeof stockQueue>) => queue.clean(0, 1000, 'failed')],
    ['promote', (queue: ReturnType<typeof stockQueue>) => queue.promoteJobs()],
    [
      'remove the failed job',
      async (queue: ReturnType<typeof stockQueue>) => {
        for (const job of await queue.getFailed()) await job.remove();
      },
    ],
    [
      'resume and concurrency together',
      async (queue: ReturnType<typeof stockQueue>) => {
        await queue.resume();
        await queue.setGlobalConcurrency(1);
      },
    ],
  ])('is not opened by plain BullMQ: %s', async (_, act) => {
    const { line, b } = await blockedLine();
    await act(stockQueue(redis, line, 'channel.12'));
    await line.startFleet();
    await line.deliveries.sweep(line.keys.shardOf('channel.12'), ['channel.12']);
    await nothingElseStarts(line);
    await line.transitions.skip(b, { actor: 'test', reason: 'gone' });
    await line.untilStarted(7);
    expect(line.started.slice(5)).toEqual(['c', 'd']);
  });

  it('gives nothing to a stock worker that is let loose on the queue', async () => {
    const { line } = await blockedLine();
    const ran: unknown[] = [];
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
    const worker = new Worker('channel.12', async (job) => void ran.push(job.name), {
      connection,
      prefix: line.keys.shardOf('channel.12').prefix,
    });
    await worker.waitUntilReady();
    await nothingElseStarts(line);
    expect(ran).toEqual([]);
    await worker.close();
    connection.disconnect();
  });

  it('is not opened by retention, which never takes failed or waiting items', async () => {
    const { line, b } = await blockedLine({ keep: 0 });
    expect((await line.status('channel.12')).counts).toMatchObject({
      failed: 1,
      waiting: 2,
      completed: 0,
    });
    await nothingElseStarts(line);
    expect((await line.item(b.queueId)).state).toBe('failed');
  });

  it('and all that mirrors it holds when its channel is deleted and put anew, as by a deletion beside an enqueue', async () => {
    const { line, b } = await blockedLine();
    const mirrors = async () => [
      await line.redis.hget(line.keys.queue('channel.12', 'meta'), 'paused'),
      await line.redis.zcard(line.keys.ours(line.keys.shardOf('channel.12'), 'standing')),
    ];
    for (const step of [
      () => line.registry.delete('channel', '12'),
      () => line.put('channel', '12'),
    ]) {
      await step();
      expect(await mirrors()).toEqual(['andon', 1]);
      expect((await line.status('channel.12')).blockedBy?.queueId).toBe(b.queueId);
    }
    expect(line.started).toEqual(['a', 'b']);
  });

  it('holds over a restart of every worker', async () => {
    const { line } = await blockedLine();
    await line.stopFleets();
    const again = await new Line(redis, { prefix: line.prefix }).ready();
    again.script = () => done;
    await again.startFleet();
    await nothingElseStarts(again);
    expect(line.started).toEqual(['a', 'b']);
  });
});
