import { describe, expect, it } from '@jest/globals';
import { Job } from 'bullmq';
import { unknownBullmqScripts } from '../../src/redis/script.js';
import { stockQueue } from '../support/bullmq.js';
import { blockedByA, done, fail, failure, Line, product, tryAgain } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

/** Each test bears the name of the trap: what goes wrong with plain BullMQ, and does not here. */
describe('traps of BullMQ', () => {
  it('a job fails with concurrency 1 and the next ones run', async () => {
    const line = await new Line(redis).ready('12');
    line.script = () => fail;
    await line.startFleet();
    const [a] = await line.add('12', 'a', 'b', 'c');
    await line.untilState(a!.queueId, 'failed');
    expect(line.started).toEqual(['a']);
  });

  it('pausing in the failed handler leaks the next item: 200 of 200 with plain BullMQ, 0 of 200 here', async () => {
    const line = await new Line(redis).ready(...Array.from({ length: 200 }, (_, n) => String(n)));
    line.script = () => fail;
    await line.enqueuer.enqueue(
      Array.from({ length: 200 }, (_, n) => [
        product(String(n), `bad ${n}`),
        product(String(n), `next ${n}`),
      ]).flat(),
    );
    await line.startFleet();
    await line.untilStarted(200);
    await until(
      'all to be blocked',
      async () => (await line.finder.search({ state: 'failed' }, 200)).items.length === 200,
    );
    expect(line.started.filter((title) => title.startsWith('next'))).toEqual([]);
  });

  it('a pause in the processor and then a failure are two steps: here they are one script', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a', 'b');
    const [claim] = await line.deliveries.claim(
      line.keys.shardOf('channel.12'),
      'blocking',
      1,
      'me',
    );
    const scripts = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await line.redis.info('commandstats'))?.[1]);
    await line.deliveries.fail(claim!, failure, true); // loads the script where it is not known yet
    const [again] = await line.deliveries.claim(
      line.keys.shardOf('channel.12'),
      'blocking',
      1,
      'me',
    );
    expect(again).toBeUndefined();
    await line.transitions.retry(claim!.item, 'x');
    const [second] = await line.deliveries.claim(
      line.keys.shardOf('channel.12'),
      'blocking',
      1,
      'me2',
    );
    const before = await scripts();
    await line.deliveries.fail(second!, failure, true);
    expect((await scripts()) - before).toBe(1);
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      counts: { failed: 1 },
    });
  });

  it('job.retry() sends the item to the tail: ours goes to the head', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ attempt }) => (attempt === 1 ? fail : done);
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    await line.untilState(a!.queueId, 'failed');
    line.script = () => done;
    await line.add('12', 'b', 'c', 'd');
    await line.transitions.retry(a!, 'x');
    await line.untilStarted(5);
    expect(line.started).toEqual(['a', 'a', 'b', 'c', 'd']);
  });

  it('attempts: 3 lets later items overtake: 1 2 3 4 1 1', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 3, firstDelayMs: 10, maxDelayMs: 10 });
    line.script = ({ data, attempt }) => (data['title'] === '1' && attempt < 3 ? tryAgain : done);
    await line.startFleet();
    await line.add('12', '1', '2', '3', '4');
    await line.untilStarted(6);
    expect(line.started).toEqual(['1', '1', '1', '2', '3', '4']);
  });

  it('a job that stalls more often than maxStalledCount is failed without blocking', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12');
    const [a] = await line.add('12', 'a', 'b');
    const shard = line.keys.shardOf('channel.12');
    for (const n of [1, 2, 3]) {
      await line.deliveries.claim(shard, 'blocking', 1, `dead ${n}`);
      await until('the stall', async () => {
        const { recovered, failed } = await line.deliveries.tend(shard, 3);
        return recovered + failed > 0;
      });
    }
    expect((await line.item(a!.queueId)).state).toBe('failed');
    expect(await line.deliveries.claim(shard, 'blocking', 1, 'next')).toEqual([]);
    expect((await line.status('channel.12')).state).toBe('blocked');
  });

  it('a job that a stock worker marked to fail (defa) fails without its processor: here it is delivered like any other', async () => {
    const line = await new Line(redis).ready('12');
    const [a, b] = await line.add('12', 'a', 'b');
    await line.redis.hset(line.keys.item('channel.12', a!.queueId), 'defa', 'stalled too often');
    await line.startFleet();
    await line.untilState(b!.queueId, 'completed');
    expect(line.started).toEqual(['a', 'b']);
    expect((await line.item(a!.queueId)).state).toBe('completed');
  });

  it('concurrency 1 in two processes runs two at once', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a', 'b');
    const shard = line.keys.shardOf('channel.12');
    const [first, second] = await Promise.all([
      line.deliveries.claim(shard, 'blocking', 5, 'one'),
      line.deliveries.claim(shard, 'blocking', 5, 'two'),
    ]);
    expect([...first, ...second]).toHaveLength(1);
  });

  it('an enqueue whose reply is lost is sent again: two jobs with automatic ids, one with our key', async () => {
    const line = await new Line(redis).ready('12');
    const item = product('12', 'a', { idempotencyKey: 'client order-1' });
    const [first] = await line.enqueuer.enqueue([item]);
    const [again] = await line.enqueuer.enqueue([item]);
    expect(again).toEqual({ ...first, replayed: true });
    expect((await line.status('channel.12')).counts.waiting).toBe(1);
  });

  it('a resend after completion, removal or failure is no new item: the key outlives the job', async () => {
    const line = await new Line(redis, { keep: 0 }).ready('12', '13');
    line.script = ({ data }) => (data['title'] === 'bad' ? fail : done);
    const good = product('13', 'a', { idempotencyKey: 'k1' });
    const bad = product('12', 'bad', { idempotencyKey: 'k2' });
    const [one] = await line.enqueuer.enqueue([good]);
    const [two] = await line.enqueuer.enqueue([bad]);
    await line.startFleet();
    await line.untilState(two!.queueId, 'failed');
    await until(
      'the first to be done and forgotten',
      async () => (await line.finder.item(one!.queueId)) === null,
    );
    expect(await line.enqueuer.enqueue([good])).toEqual([{ ...one, replayed: true }]);
    expect(await line.enqueuer.enqueue([bad])).toEqual([{ ...two, replayed: true }]);
    expect((await line.status('channel.12')).counts.waiting).toBe(0);
  });

  it('digits-only job ids are refused to users of BullMQ: ours are numbers, and BullMQ reads them', async () => {
    const line = await new Line(redis).ready('12');
    const [a] = await line.add('12', 'a');
    const job = await Job.fromId(stockQueue(redis, line, 'channel.12'), String(a!.queueId));
    expect(job).toMatchObject({
      id: String(a!.queueId),
      name: 'add_product',
      data: { sku: 'a', title: 'a' },
    });
    expect(await job?.getState()).toBe('waiting');
  });

  it('a plain producer beside a shared counter reuses ids and overwrites jobs', async () => {
    const line = await new Line(redis).ready();
    // The other program was there before the channel was put: its ids are small ones.
    const stock = stockQueue(redis, line, 'channel.12');
    for (const n of ['s1', 's2', 's3']) await stock.add('add_product', { sku: n, title: n });
    await line.put('channel', '12');
    await line.add('12', 'a', 'b', 'c');
    await stock.add('add_product', { sku: 's4', title: 's4' });
    await line.startFleet();
    await line.untilStarted(7);
    expect(line.started).toEqual(['s1', 's2', 's3', 'a', 'b', 'c', 's4']);
  });

  it('a hold that is derived from the failed job ends when the job is cleaned away', async () => {
    const { line, a } = await blockedByA(redis);
    await stockQueue(redis, line, 'channel.12').clean(0, 100, 'failed');
    await line.deliveries.sweep(line.keys.shardOf('channel.12'), ['channel.12']);
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      blockedBy: { queueId: a!.queueId },
    });
    await line.transitions.skip(a!, { actor: 'x', reason: 'gone' });
    await line.untilStarted(2);
  });

  it('queue.resume() and setGlobalConcurrency(1) together open a block: here the sweeper shuts them again', async () => {
    const { line } = await blockedByA(redis);
    const stock = stockQueue(redis, line, 'channel.12');
    await stock.resume();
    await stock.setGlobalConcurrency(1);
    await until('both switches to be shut again', async () => {
      const [paused, concurrency] = await line.redis.hmget(
        line.keys.queue('channel.12', 'meta'),
        'paused',
        'concurrency',
      );
      return paused !== null && concurrency === '0';
    });
    expect(line.started).toEqual(['a']);
  });

  it('removeOrphanedJobs deletes unknown keys below a queue: ours do not lie there', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ data }) => (data['title'] === 'bad' ? fail : { ...done });
    await line.startFleet();
    const [, bad] = await line.add('12', 'a', 'bad', 'c');
    await line.untilState(bad!.queueId, 'failed');
    await stockQueue(redis, line, 'channel.12').removeOrphanedJobs();
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      counts: { waiting: 1 },
    });
    await line.transitions.skip(bad!, { actor: 'x', reason: 'gone' });
    await line.untilStarted(3);
    expect(line.started).toEqual(['a', 'bad', 'c']);
  });

  it('a pause by plain BullMQ is a pause here too, and our retry does not lift it', async () => {
    const line = await new Line(redis).ready('12');
    line.script = () => ({ kind: 'retry', failure });
    await stockQueue(redis, line, 'channel.12').pause();
    await line.startFleet();
    await line.add('12', 'a');
    await until(
      'the pause to be noticed',
      async () => (await line.status('channel.12')).pausedBy?.actor === 'a BullMQ client',
    );
    expect(line.started).toEqual([]);
    line.script = () => done;
    await line.transitions.resume('channel.12', 'x');
    await line.untilStarted(1);
  });

  it('addBulk is a pipeline: our batch is one step', async () => {
    const line = await new Line(redis).ready('12');
    const before = await line.redis.info('commandstats');
    await line.add('12', 'a', 'b', 'c');
    const calls = (text: string) => Number(/cmdstat_multi:calls=(\d+)/.exec(text)?.[1] ?? 0);
    expect(calls(await line.redis.info('commandstats'))).toBe(calls(before));
    expect((await line.status('channel.12')).counts.waiting).toBe(3);
  });

  it('another version of BullMQ has other scripts: those we wrap are the ones we know', () => {
    expect(unknownBullmqScripts()).toEqual([]);
  });
});
