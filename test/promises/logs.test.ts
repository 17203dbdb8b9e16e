import { Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { makeLog } from '../../src/observability/log.js';
import { Api, product } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

test('lines are JSON and say whose they are: queue, item, client, request', async () => {
  const lines: Record<string, unknown>[] = [];
  const screen = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const log = makeLog('debug', screen);
  const api = await Api.start(redis, { roles: ['api', 'worker'], log });
  const shop = await FarSide.start();
  shop.answer = () => ({ status: 422, body: { detail: 'this SKU is taken' } });
  await api.put('channel', '12', shop.url, { client: 'acme' });
  const asked = await api.call('POST', '/v1/items', { body: product('12', 'a') });
  const { queueId } = asked.body;
  await api.untilState(queueId, 'failed');
  const failed = await until('the failure to be told', () =>
    lines.find((line) => line['msg'] === 'fail'),
  );
  expect(failed).toMatchObject({
    queue: 'channel.12',
    queueId,
    client: 'acme',
    instruction: 'add_product',
    attempt: 1,
    message: 'this SKU is taken',
  });
  const answered = lines.find(
    (line) =>
      line['msg'] === 'answered' && line['route'] === '/v1/items' && line['method'] === 'POST',
  );
  expect(answered).toMatchObject({
    requestId: asked.headers['x-request-id'],
    queueId,
    caller: 'key boot',
    status: 202,
  });
  await api.stop();
});
