import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { Api, product } from '../support/api.js';
import { Collector } from '../support/collector.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { kill, startWorker } from '../support/workers.js';

const redis = await startTestRedis();
const collector = await Collector.start();
const environment = {
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_BSP_SCHEDULE_DELAY: '50',
};

test('one trace leads from the caller over a failed attempt and a dead worker to success', async () => {
  Object.assign(process.env, environment); // the exporter reads it itself
  const api = await Api.start(redis, { environment });
  const shop = await FarSide.start();
  let waits: () => void = () => {};
  shop.answer = async () => {
    if (shop.deliveries.length === 1) return { status: 500 };
    if (shop.deliveries.length === 2) await new Promise<void>((resolve) => (waits = resolve));
    return { status: 200 };
  };
  await api.put('channel', '12', shop.url, { retry: { firstDelayMs: 10, maxDelayMs: 10 } });
  const first = await startWorker(api, redis.url, 1_000, environment);

  const caller = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
  const traceparent = `00-${caller.trace}-${caller.span}-01`;
  const asked = await api.call('POST', '/v1/items', {
    body: product('12', 'a'),
    headers: { traceparent },
  });
  const { queueId } = asked.body;
  const attempts = () => collector.spans.filter(({ kind }) => kind === 'consumer');
  await until('the failed attempt to be told', () => attempts().length === 1);
  await until('the second attempt to be on its way', () => shop.deliveries.length === 2);
  await kill(first);
  const second = await startWorker(api, redis.url, 1_000, environment);
  await api.untilState(queueId, 'completed');
  await until('the attempt that succeeded to be told', () => attempts().length === 2);
  waits();
  await kill(second, 'SIGTERM');
  await api.stop();
  delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];

  const ours = collector.spans.filter(({ traceId }) => traceId === caller.trace);
  const [server] = ours.filter(({ kind }) => kind === 'server');
  expect(server).toMatchObject({
    name: 'POST /v1/items',
    parent: caller.span,
    failed: false,
    attributes: { 'http.route': '/v1/items', 'http.response.status_code': 202 },
  });
  const [producer] = ours.filter(({ kind }) => kind === 'producer');
  expect(producer).toMatchObject({
    name: 'enqueue channel.{id}',
    parent: server!.spanId,
    attributes: { 'messaging.operation.type': 'send', 'messaging.destination.name': 'channel.12' },
  });
  const [failed, succeeded] = ours.filter(({ kind }) => kind === 'consumer');
  const attempt = {
    name: 'deliver channel.{id}',
    parent: producer!.spanId,
    links: [producer!.spanId],
  };
  const facts = { 'messaging.operation.type': 'process', 'messaging.message.id': String(queueId) };
  expect(failed).toMatchObject({
    ...attempt,
    failed: true,
    attributes: { ...facts, 'andon.attempt': 1, 'andon.outcome': 'backing-off' },
  });
  expect(succeeded).toMatchObject({
    ...attempt,
    failed: false,
    attributes: { ...facts, 'andon.attempt': 3, 'andon.outcome': 'completed' },
  });
  expect(succeeded!.instance).not.toBe(failed!.instance);
  // The far side goes on in the same trace, from the call that reached it.
  const calls = ours.filter(({ kind }) => kind === 'client');
  expect(calls.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([
    500, 200,
  ]);
  const told = [shop.deliveries[0], shop.deliveries.at(-1)].map(
    (one) => one?.headers['traceparent'],
  );
  expect(told).toEqual(calls.map(({ spanId }) => `00-${caller.trace}-${spanId}-01`));
  const connector = ours.find(({ spanId }) => spanId === calls[1]!.parent);
  expect(connector).toMatchObject({ name: 'connector http', parent: succeeded!.spanId });
});

test('a person finds the trace with the item', async () => {
  const traced = collector.spans.find(({ kind }) => kind === 'consumer');
  const api = await Api.start(redis);
  await api.put('channel', '12');
  const [id] = await api.add('12', 'a');
  expect((await api.item(id!))['traceId']).toBeNull();
  const trace = `00-${traced!.traceId}-${traced!.spanId}-01`;
  await api.redis.hset(api.keys.item('channel.12', id!), 'trace', trace);
  expect((await api.item(id!))['traceId']).toBe(traced!.traceId);
  await api.stop();
});

test('follow-ups belong to the trace of the item that caused them', async () => {
  const api = await Api.start(redis, { roles: ['api', 'worker'] });
  const shop = await FarSide.start();
  shop.answer = ({ body }) => ({
    status: 200,
    body:
      body.instruction === 'add_product'
        ? { followUps: [{ instruction: 'update_product', channel: '12', data: { sku: 'a' } }] }
        : {},
  });
  await api.put('channel', '12', shop.url);
  await api.ok('POST', '/v1/queues/channel.12/pause', {});
  const [id] = await api.add('12', 'a');
  const trace = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
  await api.redis.hset(api.keys.item('channel.12', id!), 'trace', trace);
  await api.ok('POST', '/v1/queues/channel.12/resume', {});
  const caused = await until('the follow-up to be carried out', async () => {
    const { items } = await api.ok('GET', '/v1/items?instruction=update_product&state=completed');
    return items[0];
  });
  expect(caused['traceId']).toBe('ab'.repeat(16));
  await api.stop();
});

describe('without tracing', () => {
  test('nothing is stored with items, and far sides are told nothing', async () => {
    const api = await Api.start(redis, { roles: ['api', 'worker'] });
    const shop = await FarSide.start();
    await api.put('channel', '12', shop.url);
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const asked = await api.call('POST', '/v1/items', {
      body: product('12', 'a'),
      headers: { traceparent },
    });
    await api.untilState(asked.body.queueId, 'completed');
    expect(
      await api.redis.hget(api.keys.item('channel.12', asked.body.queueId), 'trace'),
    ).toBeNull();
    expect(shop.deliveries[0]?.headers['traceparent']).toBeUndefined();
    await api.stop();
  });

  test('OpenTelemetry’s own code is not even loaded', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.tsx?$/.test(file),
    );
    const imports = files.flatMap((file) => {
      const text = readFileSync(`src/${file}`, 'utf8');
      return [...text.matchAll(/from '(@opentelemetry\/[^']+)'/g)].map(([, name]) => name);
    });
    expect(new Set(imports)).toEqual(new Set(['@opentelemetry/api']));
  });
});

test.each<[Record<string, string>, boolean]>([
  [{}, false],
  [{ ANDON_TRACING: 'otlp' }, true],
  [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'true' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', ANDON_TRACING: 'off' }, false],
])('with %j traces are sent: %s', (environment, sent) => {
  expect(loadConfig({ ANDON_CONFIG: 'test/support/empty.yaml', ...environment }).tracing).toBe(
    sent,
  );
});
