import { beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { routesOf } from '../../src/api/app.js';
import { examples } from '../../src/api/examples.js';
import { probes } from '../../src/api/probes.js';
import type { Services } from '../../src/api/services.js';
import { Watch } from '../support/alerts.js';
import { Api } from '../support/api.js';
import { Documented } from '../support/documented.js';
import { FarSide } from '../support/far-side.js';
import { Line } from '../support/line.js';
import { Network } from '../support/network.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const network = await Network.before(redis.url);
const config = 'test/support/outage.yaml';
const api = await Api.start(redis, { config, url: network.url, roles: ['api', 'worker'] });
const ready = () =>
  until('the API to be ready', async () => (await api.call('GET', '/readyz')).status === 200);
await ready();
const andon = await Documented.of(api);
const rows = routesOf({ connectorTypes: { guard: {} } } as Services);
const shop = await FarSide.start();

/** What a call would be made with: its own example. */
const body = (name: string) => examples[name]?.body;

test('an independent validator finds the document to be OpenAPI 3.1', async () => {
  const validator = new Validator();
  const verdict = await validator.validate(JSON.parse(JSON.stringify(andon.document)));
  expect(verdict).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
});

test('every reference in the document leads somewhere', () => {
  const text = JSON.stringify(andon.document);
  const references = [...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, to]) => String(to));
  expect(references.length).toBeGreaterThan(100);
  for (const to of references) {
    const [, name = ''] = /^#\/components\/schemas\/(\w+)$/.exec(to) ?? [];
    expect(andon.document.components.schemas).toHaveProperty(name);
  }
});

test('every call of the table and every probe is documented under its name, and no other', () => {
  const documented = andon.operations.map(
    ({ method, path, operation }) => `${operation.operationId}: ${method} ${path}`,
  );
  const inTable = rows.map(
    ({ name, method, path }) => `${name}: ${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
  );
  const asked = probes.map(({ name, path }) => `${name}: get ${path}`);
  expect(documented.sort()).toEqual([...inTable, ...asked].sort());
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
});

test('every call has an example, whose body and answer are as documented', () => {
  expect(Object.keys(examples).sort()).toEqual(rows.map(({ name }) => name).sort());
  for (const { operation } of andon.operations) {
    const name = operation.operationId;
    const asked = operation.requestBody?.content['application/json'];
    if (asked) andon.judge(`the example of ${name}`, asked.schema, asked.example);
    const [first] = Object.values(operation.responses);
    const [answered] = Object.values(first?.content ?? {});
    andon.judge(`the answer shown for ${name}`, answered?.schema ?? { not: {} }, answered?.example);
  }
});

describe('against the running server', () => {
  const keys: Record<'enqueue' | 'read' | 'bolt', string> = { enqueue: '', read: '', bolt: '' };

  /** A failed product in channel 12, refused for good by the shop. */
  async function failed(sku: string): Promise<number> {
    shop.refuse(sku);
    const { body: accepted } = await andon.call('enqueue', {
      body: { instruction: 'add_product', channel: '12', data: { sku, title: sku } },
    });
    await api.untilState(accepted.queueId, 'failed');
    return accepted.queueId;
  }

  beforeAll(async () => {
    const keyFor = async (scopes: string[], limits: object = {}) =>
      (await andon.call('createKey', { body: { scopes, ...limits } })).body.key;
    keys.enqueue = await keyFor(['enqueue']);
    keys.read = await keyFor(['read']);
    keys.bolt = await keyFor(['admin', 'enqueue'], { client: 'bolt' });
  });

  /** What has open items does not change hands. */
  const givenAway = async (name: 'putChannel' | 'putSource') => {
    const given = { ...(body(name) as object), client: 'bolt' };
    expect((await andon.example(name, {}, { body: given })).status).toBe(409);
  };

  test('endpoints: the examples work', async () => {
    for (const kind of ['Channel', 'Source', 'Service'] as const) {
      const lower = kind.toLowerCase();
      expect((await andon.example(`put${kind}`)).status).toBe(201);
      expect((await andon.example(`put${kind}`)).status).toBe(200);
      await andon.example(`${lower}s`);
      await andon.example(lower);
      const removed = await andon.example(`delete${kind}`);
      for (const name of [lower, `delete${kind}`])
        expect((await andon.call(name, { path: { id: 'no-such' } })).status).toBe(404);
      if (kind === 'Service') continue;
      await andon.example(`put${kind}`);
      const foreign = { path: { id: removed.body.id }, key: keys.bolt, body: body(`put${kind}`) };
      expect((await andon.call(`put${kind}`, foreign)).status).toBe(404);
    }
    await andon.call('pause', { path: { name: 'source.sage' } });
    await andon.call('enqueue', { body: { instruction: 'sync_products', source: 'sage' } });
    expect((await andon.example('deleteSource')).status).toBe(409);
    await givenAway('putSource');
    expect((await andon.call('deleteService', { path: { id: 'email' } })).status).toBe(409);
    const connector = { type: 'http', url: shop.url };
    await andon.example('putChannel', {}, { body: { ...body('putChannel'), connector } });
  });

  test('items: the examples work, and what does not fit the state is a 409', async () => {
    expect((await andon.example('enqueue')).status).toBe(202);
    const again = { body: body('enqueue'), headers: { 'idempotency-key': 'k1' } };
    const first = await andon.call('enqueue', again);
    expect((await andon.call('enqueue', again)).body).toEqual(first.body);
    await andon.example('enqueueBatch');
    await api.untilState(first.body.queueId, 'completed');

    const queueId = await failed('A');
    const at = { queueId };
    await andon.example('search');
    await andon.example('item', at);
    await andon.example('retry', at);
    await api.untilState(queueId, 'failed');
    await andon.call('skip', { path: at, body: { dryRun: true } });
    expect((await andon.call('deleteChannel', { path: { id: '12' } })).status).toBe(409);
    await givenAway('putChannel');
    await andon.example('resolve', at);
    for (const name of ['retry', 'skip', 'resolve', 'undoSkip', 'edit'])
      expect((await andon.call(name, { path: at, body: body(name) })).status).toBe(409);

    const other = { queueId: await failed('B') };
    await andon.example('skip', other);
    shop.refuse();
    await andon.example('undoSkip', other);
    await api.untilState(other.queueId, 'completed');
    const third = { queueId: await failed('C') };
    await andon.example('edit', third);
    await andon.example('skipMany', {}, { body: { ...body('skipMany'), dryRun: true } });
    await andon.example('retryMany');
    await api.untilState(third.queueId, 'completed');
    await andon.example('skipMany', {}, { body: { queue: 'channel.12', reason: 'gone' } });
    for (const name of ['item', 'retry', 'skip', 'resolve', 'undoSkip', 'edit'])
      expect(
        (await andon.call(name, { path: { queueId: 999_999 }, body: body(name) })).status,
      ).toBe(404);
  });

  test('queues: the examples work', async () => {
    await andon.example('queues');
    await andon.example('queue');
    await andon.example('summary');
    expect((await andon.example('resume')).status).toBe(409);
    expect((await andon.example('pause')).status).toBe(200);
    expect((await andon.example('pause')).status).toBe(409);
    await andon.example('clear');
    expect((await andon.example('resume')).status).toBe(200);
    await andon.example('fleet');
    expect((await andon.example('pauseFleet')).status).toBe(200);
    expect((await andon.example('pauseFleet')).status).toBe(409);
    expect((await andon.example('resumeFleet')).status).toBe(200);
    expect((await andon.example('resumeFleet')).status).toBe(409);
    for (const name of ['queue', 'pause', 'resume', 'clear'])
      expect((await andon.example(name, { name: 'channel.404' })).status).toBe(404);
  });

  test('incidents and alerts: the examples work', async () => {
    await failed('D');
    const line = await new Line(redis, { prefix: api.prefix }).ready();
    await new Watch(line, { gatherMs: 0 }).look();
    const [incident] = (await andon.example('incidents')).body.items;
    const at = { id: Number(incident?.id) };
    await andon.example('incident', at);
    await andon.example('claimIncident', at);
    expect((await andon.call('claimIncident', { path: at, key: keys.bolt })).status).toBe(404);
    const { key } = (
      await andon.call('createKey', { body: { scopes: ['operate'], client: 'cape-traders' } })
    ).body;
    expect((await andon.call('claimIncident', { path: at, key })).status).toBe(409);
    await andon.example('releaseIncident', at);
    await andon.example('snoozeIncident', at);
    for (const name of ['incident', 'releaseIncident', 'snoozeIncident'])
      expect((await andon.example(name, { id: 999_999 })).status).toBe(404);

    await andon.example('alertWarnings');
    await andon.example('putAlertList');
    await andon.example('alertLists');
    await andon.example('notificationTypes');
    const { id } = (await andon.example('createOverride')).body;
    await andon.example('changeOverride', { id });
    await andon.example('overrides');
    await andon.example('alertRoute');
    await andon.example('deleteOverride', { id });
    for (const name of ['changeOverride', 'deleteOverride'])
      expect((await andon.example(name, { id })).status).toBe(404);
  });

  test('webhooks, keys, users and audit: the examples work', async () => {
    expect((await andon.example('putWebhook')).status).toBe(201);
    expect((await andon.example('putWebhook')).status).toBe(200);
    const foreign = { ...body('putWebhook'), client: 'bolt' };
    expect((await andon.example('putWebhook', {}, { key: keys.bolt, body: foreign })).status).toBe(
      404,
    );
    for (const name of ['webhooks', 'webhook', 'rotateWebhook', 'enableWebhook', 'deleteWebhook'])
      expect((await andon.example(name)).status).toBe(200);
    await andon.example('putWebhook');
    for (const [name, beside] of [
      ['rotateWebhook', 'rotateWebhook'],
      ['enableWebhook', 'putWebhook'],
    ] as const)
      await until(`${name} to meet another change in the same instant`, async () => {
        const rivals = Array.from({ length: 8 }, (_, n) => ({
          ...body(beside),
          ...(beside === 'putWebhook' ? { description: `${n}` } : {}),
        }));
        const both = rivals.flatMap((rival) => [
          andon.example(name),
          andon.example(beside, {}, { body: rival }),
        ]);
        return (await Promise.all(both)).some(({ status }) => status === 409);
      });
    await andon.example('deleteWebhook');
    for (const name of ['webhook', 'rotateWebhook', 'enableWebhook', 'deleteWebhook'])
      expect((await andon.example(name)).status).toBe(404);

    const { id } = (await andon.example('createKey')).body;
    await andon.example('keys');
    await andon.example('revokeKey', { id });
    expect((await andon.example('revokeKey', { id })).status).toBe(404);

    expect((await andon.example('addUser')).status).toBe(201);
    expect((await andon.example('addUser')).status).toBe(409);
    for (const name of ['users', 'changeUser', 'newPassword', 'endSessions'])
      expect((await andon.example(name)).status).toBe(200);
    for (const name of ['changeUser', 'newPassword', 'endSessions'])
      expect((await andon.example(name, { name: 'nobody' })).status).toBe(404);
    const admin = { name: 'only', role: 'admin' };
    await andon.call('addUser', { body: admin });
    const last = { path: { name: 'only' }, body: { disabled: true } };
    expect((await andon.call('changeUser', last)).status).toBe(409);
    await andon.example('audit');
  });

  test('the machinery around it', async () => {
    await andon.call('alive', { key: null });
    await andon.call('ready', { key: null });
    await andon.call('metrics');
  });

  test('every call refuses a stranger, and a key without the scope', async () => {
    expect((await andon.call('metrics', { key: null })).status).toBe(401);
    expect((await andon.call('metrics', { key: keys.enqueue })).status).toBe(403);
    for (const { name, scope } of rows) {
      expect((await andon.example(name, {}, { key: null })).status).toBe(401);
      const key = scope === 'enqueue' ? keys.read : keys.enqueue;
      expect((await andon.example(name, {}, { key })).status).toBe(403);
    }
  });

  test('every call refuses what cannot be read or is not valid', async () => {
    for (const row of rows) {
      const { name, params, query } = row;
      const refused = async (status: number, more: Parameters<typeof andon.call>[1]) =>
        expect([name, (await andon.example(name, more?.path, more)).status]).toEqual([
          name,
          status,
        ]);
      if (row.body) {
        await refused(400, { body: undefined, raw: '{"a": 1, "a": 2}' });
        await refused(413, { body: undefined, raw: ' '.repeat(row.bodyLimit + 1) });
        await refused(415, { headers: { 'content-type': 'text/plain' } });
        await refused(422, { body: { no: 'such field' } });
      }
      const nonsense = Object.keys(examples[name]?.path ?? {});
      const all = (text: string) => Object.fromEntries(nonsense.map((part) => [part, text]));
      if (params) {
        await refused(400, { path: all('%E0%A4%A') });
        await refused(422, { path: all('%20 no%2Fname'.replace(' ', '')) });
      }
      if (query) await refused(422, { query: { no: 'such field' } });
    }
    expect(
      (await andon.example('enqueue', {}, { headers: { 'idempotency-key': 'ä' } })).status,
    ).toBe(400);
  });

  test('every call says so when there were too many', async () => {
    const limited = await Api.start(redis, { config: 'test/support/one-request.yaml' });
    await until('requests to be too many', async () => {
      return (await limited.call('GET', '/v1/summary')).status === 429;
    });
    for (const { name } of rows)
      expect((await andon.example(name, {}, { at: limited })).status).toBe(429);
    expect((await andon.call('metrics', { at: limited })).status).toBe(429);
    await limited.stop();
  });

  test('every call says so when Redis is away', async () => {
    network.refuse();
    await until(
      'the store to be away',
      async () => (await api.call('GET', '/v1/summary')).status === 503,
    );
    for (const { name } of rows) expect((await andon.example(name)).status).toBe(503);
    for (const name of ['ready', 'metrics']) expect((await andon.call(name)).status).toBe(503);
    network.heal();
  });

  test('so every documented answer of every call was seen, and none besides', () => {
    expect(andon.unseen).toEqual([]);
  });
});
