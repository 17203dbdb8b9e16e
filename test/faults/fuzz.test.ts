import { describe, expect, test } from '@jest/globals';
import { Api, product } from '../support/api.js';
import { Person } from '../support/desk.js';
import { startTestRedis } from '../support/redis.js';
import { fuzz } from './fuzz/fuzz.js';
import { requestOf } from './fuzz/requests.js';
import { wireCases } from './fuzz/wire.js';

const redis = await startTestRedis();

describe('P10 at scale: whatever is sent, a real API process answers well or refuses', () => {
  test('2,000 requests of a seed and every odd thing on a socket leave nothing but what was accepted', async () => {
    const report = await fuzz({ seed: 1, requests: 2_000, product: '.', progress: () => {} });
    expect(report.violations).toEqual([]);
    expect(report.requests).toBe(2_000);
    expect(report.wire.cases).toBe(wireCases.length);
    // Enough got through that comparing means something.
    expect(report.accepted).toBeGreaterThan(150);
    expect(report.statuses[422]).toBeGreaterThan(100);
  });

  test('a request follows from its seed and number alone', () => {
    const surface = {
      operations: [
        {
          method: 'post',
          path: '/v1/items',
          query: {},
          body: { properties: { data: {} }, type: 'object' },
        },
      ],
      pages: ['/'],
      instructions: ['add_product'],
      keys: ['a.b'],
      cookie: 'a=b',
      items: 10,
    };
    const made = (seed: number) =>
      Array.from({ length: 200 }, (_, index) => requestOf(seed, index, surface));
    expect(made(7)).toEqual(made(7));
    expect(made(7)).not.toEqual(made(8));
  });
});

describe('what the fuzzer found stays mended', () => {
  test('a path of Bull Board that is not UTF-8 is the fault of who sent it (seed 3, number 11546)', async () => {
    const api = await Api.start(redis);
    const looker = await Person.of(api, { name: 'looker' });
    const answer = await looker.get('/board/api/queues/source.s1/clean/completed%ff');
    expect(answer.status).toBe(400);
  });

  test('pages stand whatever a producer calls a kind of theirs (seed 7, numbers 53839 and 59644)', async () => {
    const api = await Api.start(redis);
    await api.put('channel', '12');
    for (const kind of ['constructor', 'sku'])
      await api.ok('POST', '/v1/items', { ...product('12', kind), entity: { kind, key: 'x' } });
    await api.ok('POST', '/v1/queues/channel.12/pause', { reason: 'to be listed' });
    const looker = await Person.of(api, { name: 'reader' });
    for (const path of ['/', '/queues', '/queues/channel.12'])
      expect((await looker.get(path)).status).toBe(200);
  });
});
