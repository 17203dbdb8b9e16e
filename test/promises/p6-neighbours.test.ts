import { describe, expect, it } from '@jest/globals';
import { accept, done, fail, Line, product } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const ids = Array.from({ length: 100 }, (_, n) => String(n));

describe('P6: a blocked or slow queue never delays another', () => {
  it('serves 99 channels and the parallel queue while one of 100 is blocked', async () => {
    const line = await new Line(redis).ready(...ids);
    await line.put('source', 'erp');
    line.script = ({ data }) => (data['title'] === 'bad' ? fail : done);
    await line.startFleet();
    const [bad] = await line.enqueuer.enqueue([product('0', 'bad'), product('0', 'behind')]);
    await line.untilState(bad!.queueId, 'failed');
    const orders = ids.map((n) =>
      accept('add_order', { source: 'erp' }, { orderNumber: `order ${n}` }),
    );
    await line.enqueuer.enqueue([
      ...ids.slice(1).map((id) => product(id, `item ${id}`)),
      ...orders,
    ]);
    await line.untilStarted(1 + 99 + 100);
    expect(line.started).not.toContain('behind');
    expect(await line.status('channel.0')).toMatchObject({
      state: 'blocked',
      counts: { waiting: 1 },
    });
  });

  it('serves the others while slow deliveries keep all but one slot busy', async () => {
    const line = await new Line(redis, { environment: { ANDON_CONCURRENCY: '5' } }).ready(...ids);
    const finish: (() => void)[] = [];
    line.script = ({ data }) =>
      String(data['title']).startsWith('slow')
        ? new Promise((resolve) => {
            finish.push(() => resolve(done));
          })
        : done;
    await line.startFleet();
    await line.enqueuer.enqueue(ids.slice(0, 4).map((id) => product(id, `slow ${id}`)));
    await line.untilStarted(4);
    await line.enqueuer.enqueue(ids.slice(4).map((id) => product(id, `quick ${id}`)));
    await line.untilStarted(100);
    expect(finish).toHaveLength(4);
    for (const one of finish) one();
    await until(
      'the slow ones to end',
      async () => (await line.status('channel.3')).counts.completed === 1,
    );
  });

  it('lets a short queue in between the portions of a long one', async () => {
    const line = await new Line(redis, {
      environment: { ANDON_CONCURRENCY: '1' },
      fleet: { budget: 10 },
    }).ready('long', 'short');
    await line.add('long', ...Array.from({ length: 200 }, (_, n) => `l${n}`));
    await line.add('short', 's');
    await line.startFleet();
    await line.untilStarted(201);
    expect(line.started.indexOf('s')).toBeLessThanOrEqual(20);
  });

  it('runs non-blocking items up to the set number at once', async () => {
    const line = await new Line(redis, {
      environment: { ANDON_PARALLEL_CONCURRENCY: '7' },
    }).ready();
    await line.put('source', 'erp');
    const finish: (() => void)[] = [];
    line.script = () =>
      new Promise((resolve) => {
        finish.push(() => resolve(done));
      });
    await line.startFleet();
    await line.enqueuer.enqueue(
      Array.from({ length: 20 }, (_, n) =>
        accept('add_order', { source: 'erp' }, { orderNumber: String(n) }),
      ),
    );
    for (let ended = 0; ended < 20; ended += 1) {
      await until('a delivery to end', () => finish.length > ended);
      if (ended === 0) await until('7 to run', () => line.running.get('parallel') === 7);
      finish[ended]?.();
    }
    await until('all to end', async () => (await line.status('parallel')).counts.completed === 20);
    expect(line.mostRunning.get('parallel')).toBe(7);
  });

  it('fails a parallel item without stopping the others', async () => {
    const line = await new Line(redis).ready();
    await line.put('source', 'erp');
    line.script = ({ data }) => (data['orderNumber'] === '1' ? fail : done);
    await line.startFleet();
    const tickets = await line.enqueuer.enqueue(
      ['0', '1', '2'].map((orderNumber) => accept('add_order', { source: 'erp' }, { orderNumber })),
    );
    await line.untilState(tickets[1]!.queueId, 'failed');
    await line.untilState(tickets[2]!.queueId, 'completed');
    expect(await line.status('parallel')).toMatchObject({
      state: 'running',
      counts: { failed: 1 },
    });
    line.script = () => done;
    await line.transitions.retry(tickets[1]!, 'x');
    await line.untilState(tickets[1]!.queueId, 'completed');
  });
});
