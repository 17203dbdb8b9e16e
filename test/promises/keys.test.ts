import { beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { routesOf } from '../../src/api/app.js';
import type { Services } from '../../src/api/services.js';
import type { Log } from '../../src/log.js';
import { Api, BOOTSTRAP_KEY, type Body, product } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';

const logged: string[] = [];
const note = (facts: object, message: string) => void logged.push(JSON.stringify([facts, message]));
const log: Log = { debug: note, info: note, warn: note, error: note };

const redis = await startTestRedis();
const api = await Api.start(redis, { roles: ['api', 'worker'], log });

const makeKey = async (grant: object) => (await api.ok('POST', '/v1/keys', grant)).key;

/** Everything under the prefix as text, by key. */
async function everythingStored(): Promise<Map<string, string>> {
  const stored = new Map<string, string>();
  for (const name of await api.redis.keys(`{${api.prefix}:*`)) {
    const readers: Record<string, () => Promise<unknown>> = {
      string: () => api.redis.get(name),
      hash: () => api.redis.hgetall(name),
      list: () => api.redis.lrange(name, 0, -1),
      set: () => api.redis.smembers(name),
      zset: () => api.redis.zrange(name, '0', '-1'),
      stream: () => api.redis.xrange(name, '-', '+'),
    };
    const read = readers[await api.redis.type(name)];
    if (read) stored.set(name, `${name} ${JSON.stringify(await read())}`);
  }
  return stored;
}

describe('what a key may do', () => {
  const scopes = ['enqueue', 'read', 'operate', 'admin'] as const;
  type Scope = (typeof scopes)[number];
  /** Who may make which call; `admin` may all of them. */
  const mayBesides: Record<string, readonly Scope[]> = {
    'POST /v1/items': ['enqueue'],
    'POST /v1/items/batch': ['enqueue'],
    'GET /v1/items': ['read', 'operate'],
    'GET /v1/items/:queueId': ['read', 'operate'],
    'PATCH /v1/items/:queueId': ['operate'],
    'POST /v1/items/:queueId/retry': ['operate'],
    'POST /v1/items/:queueId/skip': ['operate'],
    'POST /v1/items/:queueId/undo-skip': ['operate'],
    'POST /v1/items/:queueId/resolve': ['operate'],
    'POST /v1/items/retry': ['operate'],
    'POST /v1/items/skip': ['operate'],
    'GET /v1/queues': ['read', 'operate'],
    'GET /v1/queues/:name': ['read', 'operate'],
    'POST /v1/queues/:name/pause': ['operate'],
    'POST /v1/queues/:name/resume': ['operate'],
    'POST /v1/queues/:name/clear': [],
    'GET /v1/summary': ['read', 'operate'],
    'GET /v1/webhooks': ['read', 'operate'],
    'GET /v1/webhooks/:id': ['read', 'operate'],
    'PUT /v1/webhooks/:id': [],
    'DELETE /v1/webhooks/:id': [],
    'POST /v1/webhooks/:id/rotate': [],
    'POST /v1/webhooks/:id/enable': ['operate'],
    'GET /v1/fleet': ['read', 'operate'],
    'POST /v1/fleet/pause': [],
    'POST /v1/fleet/resume': [],
    'GET /v1/audit': [],
    'GET /v1/keys': [],
    'POST /v1/keys': [],
    'DELETE /v1/keys/:id': [],
    'GET /v1/incidents': ['read', 'operate'],
    'GET /v1/incidents/:id': ['read', 'operate'],
    'POST /v1/incidents/:id/claim': ['operate'],
    'POST /v1/incidents/:id/release': ['operate'],
    'POST /v1/incidents/:id/snooze': ['operate'],
    'GET /v1/alerts/types': ['read', 'operate'],
    'GET /v1/alerts/recipients': ['read', 'operate'],
    'PUT /v1/alerts/recipients': [],
    'GET /v1/alerts/overrides': ['read', 'operate'],
    'POST /v1/alerts/overrides': [],
    'PUT /v1/alerts/overrides/:id': [],
    'DELETE /v1/alerts/overrides/:id': [],
    'GET /v1/alerts/route': ['read', 'operate'],
    'GET /v1/alerts/warnings': ['read', 'operate'],
    'GET /v1/users': [],
    'POST /v1/users': [],
    'PATCH /v1/users/:name': [],
    'POST /v1/users/:name/password': [],
    'DELETE /v1/users/:name/sessions': [],
    ...Object.fromEntries(
      ['channels', 'sources', 'services'].flatMap((kind) => [
        [`GET /v1/${kind}`, ['read', 'operate']],
        [`GET /v1/${kind}/:id`, ['read', 'operate']],
        [`PUT /v1/${kind}/:id`, []],
        [`DELETE /v1/${kind}/:id`, []],
      ]),
    ),
  };
  const routes = routesOf({} as Services).map((row) => `${row.method.toUpperCase()} ${row.path}`);
  const keys = new Map<Scope, string>();
  beforeAll(async () => {
    for (const scope of scopes) keys.set(scope, await makeKey({ scopes: [scope] }));
  });

  test('every call there is stands in this table, and no other', () => {
    expect([...routes].sort()).toEqual(Object.keys(mayBesides).sort());
  });

  test.each(routes.flatMap((call) => scopes.map((scope) => [scope, call] as const)))(
    'the scope %s and %s',
    async (scope, call) => {
      const [method = '', path = ''] = call.split(' ');
      const real = path
        .replace(':queueId', '999999')
        .replace(':name', 'channel.none')
        .replace(':id', 'none');
      const { status, body } = await api.call(method, real, { key: keys.get(scope) });
      const allowed = scope === 'admin' || mayBesides[call]?.includes(scope);
      if (!allowed)
        expect({ status, type: body.type }).toEqual({
          status: 403,
          type: '/problems/forbidden',
        });
      else expect([200, 400, 404, 409, 415, 422]).toContain(status);
    },
  );

  test.each(routes)('nobody without a key: %s', async (call) => {
    const [method = '', path = ''] = call.split(' ');
    for (const key of [null, 'nobody.0123456789abcdef', 'boot.wrong', 'boot.', '.x', 'boot']) {
      const answer = await api.call(method, path.replace(/:\w+/, '1'), { key });
      expect(answer).toMatchObject({
        status: 401,
        body: { type: '/problems/unauthorized' },
      });
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
  });

  test('health, documents and descriptions need none', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs'])
      expect((await api.call('GET', path, { key: null })).status).toBe(200);
  });
});

describe('a revoked key', () => {
  test('is refused from that moment on', async () => {
    const { key, id } = await api.ok('POST', '/v1/keys', { scopes: ['read'] });
    expect((await api.call('GET', '/v1/queues', { key })).status).toBe(200);
    expect((await api.call('DELETE', `/v1/keys/${id}`)).status).toBe(200);
    expect((await api.call('GET', '/v1/queues', { key })).status).toBe(401);
    expect((await api.call('DELETE', `/v1/keys/${id}`)).status).toBe(404);
  });

  test('does not come back by a request that ran meanwhile', async () => {
    for (let round = 0; round < 25; round++) {
      const { key, id } = await api.ok('POST', '/v1/keys', { scopes: ['read'] });
      const calls = Array.from({ length: 4 }, () => () => api.call('GET', '/v1/summary', { key }));
      calls.splice(round % 4, 0, () => api.call('DELETE', `/v1/keys/${id}`));
      await Promise.all(calls.map((call) => call()));
      expect((await api.call('GET', '/v1/queues', { key })).status).toBe(401);
    }
  });
});

describe('a limited key knows of nothing but its own', () => {
  interface Side {
    readonly channel: string;
    readonly source: string;
    readonly failed: number;
    readonly order: number;
  }
  const sides: Record<string, Side> = {};
  const limited: Record<
    string,
    { key: string; seesOrder: boolean; seesSource: boolean; seesChannel: boolean }
  > = {};

  beforeAll(async () => {
    const far = await FarSide.start();
    far.answer = () => ({ status: 422, body: { detail: 'no' } });
    for (const client of ['cape', 'rand']) {
      const [channel, source] = [`${client}-c`, `${client}-s`];
      await api.put('channel', channel, far.url, { client });
      await api.put('source', source, far.url, { client });
      const { items } = await api.ok('POST', '/v1/items/batch', {
        items: [
          product(channel, `${client}-bad`),
          { instruction: 'add_order', source, data: { orderNumber: client } },
        ],
      });
      const [failed = 0, order = 0] = items.map((one) => one.queueId);
      await api.untilState(failed, 'failed');
      await api.untilState(order, 'failed');
      sides[client] = { channel, source, failed, order };
    }
    const scopes = ['enqueue', 'operate', 'admin'];
    limited['client'] = {
      key: await makeKey({ scopes, client: 'cape' }),
      seesOrder: true,
      seesSource: true,
      seesChannel: true,
    };
    limited['channels'] = {
      key: await makeKey({ scopes, channels: ['cape-c'] }),
      seesOrder: false,
      seesSource: false,
      seesChannel: true,
    };
    limited['sources'] = {
      key: await makeKey({ scopes, sources: ['cape-s'] }),
      seesOrder: true,
      seesSource: true,
      seesChannel: false,
    };
  });
  const side = (client: string) => sides[client] as Side;

  describe.each(['client', 'channels', 'sources'])('by %s', (limit) => {
    const my = () => limited[limit] as (typeof limited)[string];
    const as = (method: string, path: string, body?: unknown) =>
      api.call(method, path, { body, key: my().key });
    const list = async (path: string): Promise<Body[]> => (await as('GET', path)).body.items;

    test('in items and search', async () => {
      const { failed, order } = side('cape');
      const mine = [
        ...(my().seesChannel ? [failed] : []),
        ...(my().seesOrder ? [order] : []),
      ].sort();
      for (const query of [
        '?state=failed',
        '',
        '?client=rand',
        '?entity=sku:rand-bad',
        '?queue=parallel',
      ]) {
        const found = await list(`/v1/items${query}`);
        for (const { client, channel, source } of found as unknown as Record<string, string>[]) {
          expect(client).toBe('cape');
          if (limit !== 'client') expect(limit === 'channels' ? channel : source).toMatch(/^cape-/);
        }
        if (query === '?state=failed')
          expect(found.map(({ queueId }) => queueId).sort()).toEqual(mine);
      }
      for (const id of [side('rand').failed, side('rand').order]) {
        const before = await api.dump();
        expect((await as('GET', `/v1/items/${id}`)).status).toBe(404);
        for (const verb of ['retry', 'skip', 'resolve'])
          expect((await as('POST', `/v1/items/${id}/${verb}`)).status).toBe(404);
        const edit = { data: { sku: 'x', title: 'x', orderNumber: 'x' } };
        expect((await as('PATCH', `/v1/items/${id}`, edit)).status).toBe(404);
        expect(await api.dump()).toEqual(before);
      }
    });

    test('in queues and summary', async () => {
      const mine = [
        ...(my().seesChannel ? ['channel.cape-c'] : []),
        ...(my().seesSource ? ['source.cape-s'] : []),
      ];
      expect((await list('/v1/queues')).map(({ name }) => name)).toEqual(mine);
      expect((await list('/v1/summary')).map(({ queue }) => queue).sort()).toEqual(mine);
      for (const name of ['channel.rand-c', 'source.rand-s', 'parallel', 'channel.none']) {
        expect((await as('GET', `/v1/queues/${name}`)).status).toBe(404);
        for (const verb of ['pause', 'resume'])
          expect((await as('POST', `/v1/queues/${name}/${verb}`)).status).toBe(404);
        expect((await as('POST', `/v1/queues/${name}/clear`, { reason: 'x' })).status).toBe(404);
      }
    });

    test('in bulk', async () => {
      const all = { state: 'failed', reason: 'x' };
      const preview = await as('POST', '/v1/items/skip', { ...all, dryRun: true });
      const ids = preview.body.items.map((item) => item.queueId);
      expect(ids).not.toContain(side('rand').failed);
      expect(ids).not.toContain(side('rand').order);
      expect(preview.body['matched']).toBe((my().seesChannel ? 1 : 0) + (my().seesOrder ? 1 : 0));
      await as('POST', '/v1/items/skip', { queue: 'channel.rand-c', reason: 'x' });
      await as('POST', '/v1/items/retry', { client: 'rand' });
      expect((await api.item(side('rand').failed)).state).toBe('failed');
    });

    test('in enqueueing: another’s channel is as unknown as one that there is not', async () => {
      for (const path of ['/v1/items', '/v1/items/batch']) {
        const body = (id: string) => {
          const item = product(id, 'A');
          return path.endsWith('batch') ? { items: [item] } : item;
        };
        const [theirs, none] = [
          await as('POST', path, body('rand-c')),
          await as('POST', path, body('none')),
        ];
        expect(theirs.status).toBe(422);
        expect(theirs.body.detail.replaceAll('rand-c', 'none')).toBe(none.body.detail);
      }
      if (my().seesChannel)
        expect((await as('POST', '/v1/items', product('cape-c', 'A'))).status).toBe(202);
    });

    test('in channels and sources', async () => {
      const ids = async (kind: string) => (await list(`/v1/${kind}`)).map(({ id }) => id);
      expect(await ids('channels')).toEqual(my().seesChannel ? ['cape-c'] : []);
      expect(await ids('sources')).toEqual(my().seesSource ? ['cape-s'] : []);
      const body = {
        description: 'D',
        client: 'cape',
        connector: { type: 'http', url: 'http://127.0.0.1:9/' },
      };
      for (const path of ['/v1/channels/rand-c', '/v1/sources/rand-s']) {
        expect((await as('GET', path)).status).toBe(404);
        expect((await as('PUT', path, body)).status).toBe(404);
        expect((await as('DELETE', path)).status).toBe(404);
      }
    });

    test('and cannot give itself more', async () => {
      const body = {
        description: 'D',
        client: 'rand',
        connector: { type: 'http', url: 'http://127.0.0.1:9/' },
      };
      expect((await as('POST', '/v1/keys', { scopes: ['admin'] })).status).toBe(403);
      expect((await as('GET', '/v1/keys')).status).toBe(403);
      expect((await as('GET', '/v1/audit')).status).toBe(403);
      expect((await as('PUT', '/v1/services/hub', body)).status).toBe(403);
      expect((await as('PUT', '/v1/channels/fresh', body)).status).toBe(422);
      if (limit === 'client') {
        const moved = await as('PUT', '/v1/channels/cape-c', body);
        expect(moved).toMatchObject({ status: 422, body: { errors: [{ pointer: '/client' }] } });
        expect((await as('PUT', '/v1/channels/fresh', { ...body, client: 'cape' })).status).toBe(
          201,
        );
        await api.ok('DELETE', '/v1/channels/fresh');
      }
    });
  });

  test('the items it enqueues belong to its client, whatever they name', async () => {
    await api.put('channel', 'shared-none');
    const key = String(limited['client']?.key);
    await api.put('service', 'email');
    const mail = { instruction: 'send_email', data: { to: 'a@b.c', subject: 'S', text: 'T' } };
    const { queueId } = await api.ok('POST', '/v1/items', mail, key);
    expect(await api.item(queueId)).toMatchObject({ client: 'cape' });
    const other = await api.call('POST', '/v1/items', { body: { ...mail, client: 'rand' }, key });
    expect(other).toMatchObject({ status: 422, body: { errors: [{ pointer: '/client' }] } });
  });
});

describe('secrets', () => {
  test('of API keys are stored as hashes only, and shown once', async () => {
    const made = await api.ok('POST', '/v1/keys', {
      scopes: ['read'],
      description: 'for the board',
    });
    const secret = made.key.split('.')[1] ?? '';
    expect(secret.length).toBeGreaterThanOrEqual(43);
    const unused = [...(await everythingStored()).values()];
    await api.call('GET', '/v1/queues', { key: made.key });
    const card = (await api.ok('GET', '/v1/keys')).items.find(({ id }) => id === made.id);
    expect(card).toMatchObject({
      id: made.id,
      description: 'for the board',
      scopes: ['read'],
      lastUsedAt: expect.any(String),
    });
    expect(JSON.stringify(card)).not.toMatch(/hash|secret/);
    const stored = [...unused, ...(await everythingStored()).values()].join('\n');
    expect(stored).toContain(made.id);
    for (const hidden of [secret, BOOTSTRAP_KEY.split('.')[1] ?? '']) {
      expect(stored.includes(hidden)).toBe(false);
      expect(logged.join('\n').includes(hidden)).toBe(false);
    }
  });

  test('of connectors sign what is sent, are shown once, and are found nowhere else', async () => {
    const shop = await FarSide.start();
    shop.refuse('BAD');
    const token = 'Bearer shop-token-5fd1';
    const settings = {
      description: 'Secret shop',
      connector: { type: 'http', url: shop.url, headers: { 'X-Shop-Token': token } },
    };
    const put = await api.call('PUT', '/v1/channels/secretive', { body: settings });
    expect(put.status).toBe(201);
    const { secret } = put.body;
    expect(secret).toMatch(/^whsec_/);
    const [good, bad] = await api.add('secretive', 'GOOD', 'BAD');
    await api.untilState(good, 'completed');
    await api.untilState(bad, 'failed');
    const [delivery] = shop.deliveries;
    expect(delivery?.headers['x-shop-token']).toBe(token);
    const headers = delivery?.headers as Record<string, string>;
    // The far side of these tests keeps bodies as objects; this one came as JSON.stringify writes it.
    expect(() => new Webhook(secret).verify(JSON.stringify(delivery?.body), headers)).not.toThrow();

    const again = await api.call('PUT', '/v1/channels/secretive', { body: settings });
    expect(again.status).toBe(200);
    const answers = [
      again,
      ...(await Promise.all(
        [
          '/v1/channels',
          '/v1/channels/secretive',
          '/v1/items',
          `/v1/items/${good}`,
          `/v1/items/${bad}`,
          '/v1/queues',
          '/v1/audit',
          '/v1/summary',
          '/openapi.json',
          '/docs',
        ].map((path) => api.call('GET', path)),
      )),
    ];
    const stored = await everythingStored();
    stored.delete(api.keys.registry.secrets);
    const outside = [...answers.map(({ text }) => text), ...stored.values(), ...logged].join('\n');
    expect(outside).toContain('Secret shop');
    for (const hidden of [secret, secret.replace('whsec_', ''), 'shop-token-5fd1'])
      expect(outside.includes(hidden)).toBe(false);
  });

  test('that a user chose are not shown at all', async () => {
    const given = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const connector = { type: 'http', url: 'http://127.0.0.1:9/', secret: given };
    const put = await api.call('PUT', '/v1/channels/given', {
      body: { description: 'D', connector },
    });
    const get = await api.call('GET', '/v1/channels/given');
    expect(`${put.text}${get.text}`.includes(given)).toBe(false);
  });
});
