import { describe, expect, test } from '@jest/globals';
import { clustersOf } from '../../src/incidents/clusters.js';
import { loadCatalogue } from '../../src/instructions/catalogue.js';
import { readFailures } from '../../src/queues/failures.js';
import { Standing } from '../../src/queues/standing.js';
import { stockQueue } from '../support/bullmq.js';
import { accept, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const catalogue = loadCatalogue();

const failuresOf = ({ redis, scripts, keys }: Line, most = 100) =>
  readFailures({ scripts, keys, standing: new Standing(redis, scripts, keys) }, most);

const idsOf = async (line: Line) =>
  (await failuresOf(line)).failures.map(({ queueId }) => queueId).sort((a, b) => a - b);

/** Channels whose first item has failed, with what is behind it. */
async function failed(count: number, options: ConstructorParameters<typeof Line>[1] = {}) {
  const channels = Array.from({ length: count }, (_, n) => `c${n}`);
  const line = await new Line(redis, options).ready(...channels);
  line.script = ({ data }) => ({
    kind: 'fail',
    failure: { message: `${String(data['sku'])} has no price`, cause: 'data', status: 422 },
  });
  await line.startFleet();
  const ids: number[] = [];
  for (const channel of channels) {
    const [first] = await line.add(channel, `SKU-${channel}`, 'next');
    ids.push(first!.queueId);
  }
  for (const id of ids) await line.untilState(id, 'failed');
  return { line, ids };
}

describe('the failures that clusters are made of', () => {
  test.each([1, 4])('say of each what the item says, over %s shards', async (shards) => {
    const { line, ids } = await failed(5, { environment: { ANDON_SHARDS: String(shards) } });
    const { failures, more } = await failuresOf(line);
    expect(more).toBe(false);
    expect(failures.length).toBe(5);
    for (const id of ids) {
      const { queue, instruction, title, entity, channel, source, client, error } =
        await line.item(id);
      const { at, ...told } = error!;
      expect(failures.find(({ queueId }) => queueId === id)).toEqual({
        queueId: id,
        ...{ queue, instruction, title, entity, channel, source, client },
        error: told,
        at: Date.parse(at!),
      });
    }
  });

  test('are the newest when there are too many, and it is said that there are more', async () => {
    const { line, ids } = await failed(4);
    const newest = await failuresOf(line, 3);
    expect(newest.more).toBe(true);
    expect(newest.failures.length).toBe(3);
    expect((await failuresOf(line, 4)).more).toBe(false);
    expect(ids).toEqual(expect.arrayContaining(newest.failures.map(({ queueId }) => queueId)));
  });

  test('are gone with what was dealt with', async () => {
    const { line, ids } = await failed(2);
    await line.transitions.skip(await line.item(ids[0]!), { actor: 'Thandi', reason: 'gone' });
    await until('the next one of its queue to fail', async () => (await idsOf(line)).length === 2);
    expect(await idsOf(line)).not.toContain(ids[0]);
  });

  test('hold an item that was removed with plain BullMQ while it blocks, and none that it runs again', async () => {
    const { line, ids } = await failed(1);
    await line.put('service', 'fulfillment');
    const [parallel] = await line.enqueuer.enqueue([
      accept('fulfill_order', {}, { orderNumber: '1' }),
    ]);
    await line.untilState(parallel!.queueId, 'failed');
    await line.stopFleets();
    await stockQueue(redis, line, 'channel.c0').remove(String(ids[0]));
    const job = await stockQueue(redis, line, 'parallel').getJob(String(parallel!.queueId));
    await job!.retry();
    const { failures } = await failuresOf(line);
    expect(failures).toMatchObject([{ queueId: ids[0], title: '(removed)', instruction: '' }]);
    expect(failures[0]?.error.message).toContain('removed with plain BullMQ');
  });

  test('are one cluster when only what belongs to the item differs, the oldest first', async () => {
    const { line, ids } = await failed(3);
    const { failures } = await failuresOf(line);
    const clusters = await clustersOf(failures, line.registry, catalogue);
    // Each of these channels is a far side of its own.
    expect(clusters.map(({ pattern }) => pattern)).toEqual(Array(3).fill('… has no price'));
    for (const id of ['c0', 'c1', 'c2'])
      await line.put('channel', id, null, { type: 'http', url: 'https://shop.example/x' });
    const [one, ...others] = await clustersOf(failures, line.registry, catalogue);
    expect(others).toEqual([]);
    const times = failures.map(({ at }) => at).sort((a, b) => a - b);
    expect(one).toMatchObject({
      farSide: 'http shop.example',
      connector: 'http',
      since: new Date(times[0]!).toISOString(),
      last: new Date(times[2]!).toISOString(),
    });
    expect(one?.items.map(({ at }) => at)).toEqual(times);
    expect(one?.items.map(({ queueId }) => queueId).sort((a, b) => a - b)).toEqual(ids);
  });
});
