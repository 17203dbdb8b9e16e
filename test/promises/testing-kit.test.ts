import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ScriptedConnector, TestAndon } from '../../src/testing/testing.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
let andon: TestAndon;
beforeAll(async () => {
  andon = await TestAndon.start({ redisUrl: redis.url });
});
afterAll(() => andon.stop());

const product = (channel: string, sku: string) => ({
  instruction: 'add_product',
  channel,
  data: { sku, title: sku },
});
const no = { kind: 'fail', failure: { message: 'no such size', cause: 'data' } } as const;

describe('the kit for tests of a connector', () => {
  it('a scripted connector does as it is told, and drain waits until nothing moves', async () => {
    const shop = new ScriptedConnector().next({ kind: 'done', result: 'A-1' }, no);
    await andon.connect('channel', 'one', shop);
    await andon.enqueue(...['A', 'B', 'C'].map((sku) => product('one', sku)));
    const { items, blockedBy } = await andon.drain('channel.one');
    expect(items.map(({ title, state }) => [title, state])).toEqual([
      ['A', 'completed'],
      ['B', 'failed'],
      ['C', 'waiting'],
    ]);
    expect(blockedBy).toMatchObject({ title: 'B', error: { message: 'no such size' } });
    await andon.client.retry(blockedBy!.queueId);
    expect((await andon.drain('channel.one')).blockedBy).toBeNull();
    expect(shop.deliveries.map(({ data, attempt }) => [data['sku'], attempt])).toEqual([
      ['A', 1],
      ['B', 1],
      ['B', 2],
      ['C', 1],
    ]);
  });

  it('assertQueued finds an item by any of its fields, and names what is there when it does not', async () => {
    await andon.connect('channel', 'two', new ScriptedConnector());
    await andon.client.pause('channel.two');
    await andon.enqueue(product('two', 'A'));
    const found = await andon.assertQueued('channel.two', {
      instruction: 'add_product',
      data: { sku: 'A' },
    });
    expect(found.state).toBe('waiting');
    await expect(andon.assertQueued('channel.two', { data: { sku: 'B' } })).rejects.toThrow(
      /no item like .*"B".*add_product A \(waiting\)/,
    );
    await andon.assertNotQueued('channel.two', { data: { sku: 'B' } });
    await expect(andon.assertNotQueued('channel.two', { title: 'A' })).rejects.toThrow(/has item/);
  });

  it('drain that waits in vain says for what', async () => {
    await andon.connect('channel', 'three', new ScriptedConnector());
    await andon.client.pause('channel.three');
    await andon.enqueue(product('three', 'A'));
    await expect(andon.drain('channel.three', 50)).rejects.toThrow(
      /channel\.three still has 1 open/,
    );
  });
});
