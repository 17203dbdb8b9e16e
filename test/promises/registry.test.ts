import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { routesOf } from '../../src/api/app.js';
import { probes } from '../../src/api/probes.js';
import type { Services } from '../../src/api/services.js';
import { Registry } from '../../src/queues/registry.js';
import { Webhooks } from '../../src/queues/webhooks.js';
import { connectRedis, untilReady } from '../../src/redis/connect.js';
import { Scripts } from '../../src/redis/script.js';
import { readKey, Vault } from '../../src/secrets/vault.js';
import { Api, product, SECRET_KEY } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const directory = await temporaryDirectory();
const api = await Api.start(redis, { roles: ['api', 'worker'] });

const connector = { type: 'http', url: 'http://127.0.0.1:9/' };

test('a channel keeps its headers when it is put again, and takes none of them to another address', async () => {
  const [first, other] = await Promise.all([FarSide.start(), FarSide.start()]);
  const put = (url: string, more: object = {}) =>
    api.put('channel', 'token', undefined, { connector: { type: 'http', url, ...more } });
  const deliver = async (sku: string) => {
    const [queueId] = await api.add('token', sku);
    await api.untilState(queueId, 'completed');
  };
  await put(first.url, { headers: { 'X-Shop-Token': 'open sesame' } });
  await put(`${first.url}/elsewhere`, { timeoutMs: 5_000 });
  await deliver('K1');
  expect(first.deliveries[0]).toMatchObject({
    path: '/in/elsewhere',
    headers: { 'x-shop-token': 'open sesame' },
  });
  await put(other.url);
  await deliver('K2');
  expect(other.deliveries[0]?.headers['x-shop-token']).toBeUndefined();
});

describe.each(['channel', 'source', 'service'])('a %s', (kind) => {
  const path = `/v1/${kind}s/reg-1`;

  test('is created, changed, shown, listed and removed', async () => {
    const full = {
      description: 'Cape Shopify',
      client: 'cape',
      connector: { ...connector, timeoutMs: 5_000 },
      retry: { attempts: 3, firstDelayMs: 10, maxDelayMs: 100 },
      recordUrl: 'https://shop.example/{sku}',
    };
    const shown = {
      kind,
      id: 'reg-1',
      ...full,
      queue: kind === 'service' ? null : `${kind}.reg-1`,
    };
    const created = await api.call('PUT', path, { body: full });
    expect(created).toMatchObject({
      status: 201,
      body: { ...shown, secret: expect.stringMatching(/^whsec_/) },
    });
    const { secret: _, ...withoutSecret } = created.body;
    expect((await api.call('GET', path)).body).toEqual(withoutSecret);
    expect((await api.ok('GET', `/v1/${kind}s`)).items).toContainEqual(withoutSecret);

    const changed = await api.call('PUT', path, {
      body: { description: 'Rand Shopify', connector },
    });
    expect(changed).toMatchObject({
      status: 200,
      body: { description: 'Rand Shopify', client: null, retry: null, recordUrl: null },
    });
    expect((await api.ok('GET', path))['description']).toBe('Rand Shopify');

    expect((await api.call('DELETE', path)).status).toBe(200);
    expect((await api.call('GET', path)).status).toBe(404);
    expect((await api.call('DELETE', path)).status).toBe(404);
    expect((await api.ok('GET', `/v1/${kind}s`)).items.map(({ id }) => id)).not.toContain('reg-1');
  });

  test('loses its client, link, retries and limit when they are put as null', async () => {
    const id = `/v1/${kind}s/cleared`;
    const body = { description: 'Cape', connector };
    const full = {
      client: 'cape',
      recordUrl: 'https://shop.example/{sku}',
      retry: { attempts: 3, firstDelayMs: 10, maxDelayMs: 100 },
      rateLimit: { max: 5, per: 'hour' },
    };
    const none = { client: null, recordUrl: null, retry: null, rateLimit: null };
    await api.ok('PUT', id, { ...body, ...full });
    expect(await api.ok('PUT', id, { ...body, ...none })).toMatchObject(none);
    expect(await api.ok('GET', id)).toMatchObject(none);
    await api.ok('DELETE', id);
  });

  test('keeps its signing secret when it is changed, and gets a new one after it was removed', async () => {
    const secret = async () => {
      const all = await api.redis.hget(api.keys.registry.secrets, `${kind}.kept`);
      const vault = new Vault([readKey(SECRET_KEY)!]);
      return JSON.parse(await vault.open(all ?? '{}', `${kind}.kept`)).secret;
    };
    const put = (more: object = {}) =>
      api.call('PUT', `/v1/${kind}s/kept`, {
        body: { description: 'D', connector: { ...connector, ...more } },
      });
    const first = (await put()).body.secret;
    expect((await put({ timeoutMs: 1_000 })).body.secret).toBeUndefined();
    expect(await secret()).toBe(first);
    const own = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    await put({ secret: own });
    expect(await secret()).toBe(own);
    await api.ok('DELETE', `/v1/${kind}s/kept`);
    const fresh = (await put()).body.secret;
    expect(fresh).toMatch(/^whsec_/);
    expect([first, own]).not.toContain(fresh);
    await api.ok('DELETE', `/v1/${kind}s/kept`);
  });
});

describe('whoever dies while an endpoint is put or removed', () => {
  const vault = new Vault([readKey(SECRET_KEY)!]);
  const { keys } = api;
  const well = new Registry(api.redis, new Scripts(api.redis, keys), keys, vault);

  /** Over a connection that is cut after so many commands. */
  async function cutAfter(commands: number, work: (registry: Registry) => Promise<unknown>) {
    const redis = connectRedis(api.redisUrl, { name: 'test', kind: 'fleet' });
    await untilReady(redis, 5_000);
    const send = redis.sendCommand.bind(redis);
    let left = commands;
    redis.sendCommand = (command, stream) => {
      left -= 1;
      if (left >= 0) return send(command, stream);
      command.reject(new Error('cut'));
      return command.promise;
    };
    const registry = new Registry(redis, new Scripts(redis, keys), keys, vault);
    return work(registry)
      .then(
        () => true,
        () => false,
      )
      .finally(() => redis.disconnect());
  }
  const put = (registry: Registry, at: string) => {
    const url = `https://${at}.example/`;
    const more = { retry: null, rateLimit: null, resendUnknown: false, recordUrl: null };
    const about = { description: at, client: null, connector: { type: 'http', url }, ...more };
    return registry.put({ kind: 'channel', id: 'cut', ...about }, { secret: at });
  };
  const seen = async () => {
    const whole = await well.whole('channel', 'cut');
    return whole && [whole.endpoint.description, whole.secrets['secret']];
  };

  test('leaves the old address with the old secret or the new one with the new, never one with the other', async () => {
    await put(well, 'old');
    let through = false;
    for (let n = 0; !through; n += 1) {
      through = await cutAfter(n, (registry) => put(registry, 'new'));
      expect([['old', 'old'], through && ['new', 'new']]).toContainEqual(await seen());
    }
    expect(await seen()).toEqual(['new', 'new']);
  });

  test('leaves no secret behind for who comes next under that id', async () => {
    const secret = () => api.redis.hget(keys.registry.secrets, 'channel.cut');
    await put(well, 'old');
    for (let n = 0; await seen(); n += 1)
      await cutAfter(n, (registry) => registry.delete('channel', 'cut'));
    expect(await secret()).toBeNull();

    const book = (of: Redis) => new Webhooks(of, keys, vault);
    const address = { id: 'cut', url: 'https://a.example/', description: '', client: null };
    await book(api.redis).put({ ...address, events: null, disabled: null }, 'whsec_1');
    for (let n = 0; await book(api.redis).get('cut'); n += 1)
      await cutAfter(n, (registry) => book(registry['redis']).delete('cut'));
    expect(await api.redis.hget(keys.registry.secrets, 'webhook.cut')).toBeNull();
  });

  test('leaves no rule and no pause behind for who comes next under that id', async () => {
    const rules = keys.rules('channel.cut');
    const paused = async () => (await api.ok('GET', '/v1/queues/channel.cut')).paused;
    for (let n = 0, ended = false; !ended; n += 1) {
      await put(well, 'old');
      await api.ok('POST', '/v1/queues/channel.cut/pause');
      await api.redis.hset(rules, '\nsku:A', '{}');
      ended = await cutAfter(n, (registry) => registry.delete('channel', 'cut'));
      if (await seen()) {
        expect([await paused(), await api.redis.exists(rules)]).toEqual([true, 1]);
        await api.ok('POST', '/v1/queues/channel.cut/resume');
        continue;
      }
      await put(well, 'new');
      expect([await paused(), await api.redis.exists(rules)]).toEqual([false, 0]);
    }
  });

  test('and whoever reads meanwhile gets what belongs together', async () => {
    await put(well, 'a');
    let putting = true;
    const puts = (async () => {
      for (let n = 0; n < 100; n += 1) await put(well, n % 2 ? 'a' : 'b');
      putting = false;
    })();
    while (putting) {
      const [at, secret] = (await seen()) ?? [];
      expect(secret).toBe(at);
    }
    await puts;
    await well.delete('channel', 'cut');
  });
});

describe('a channel', () => {
  test('is not removed while it has open items', async () => {
    const shop = await FarSide.start();
    await api.put('channel', 'busy', shop.url);
    await api.ok('POST', '/v1/queues/channel.busy/pause');
    await api.add('busy', 'A', 'B');
    expect(await api.call('DELETE', '/v1/channels/busy')).toMatchObject({
      status: 409,
      body: { type: '/problems/conflict', counts: { waiting: 2 } },
    });
    await api.ok('POST', '/v1/queues/channel.busy/clear', { reason: 'to be removed' });
    expect((await api.call('DELETE', '/v1/channels/busy')).status).toBe(200);
    expect((await api.call('POST', '/v1/items', { body: product('busy', 'C') })).status).toBe(422);

    shop.refuse('BAD');
    await api.put('channel', 'blocked', shop.url);
    const [bad] = await api.add('blocked', 'BAD');
    await api.untilState(bad, 'failed');
    expect((await api.call('DELETE', '/v1/channels/blocked')).status).toBe(409);
  });

  test('is served within a second by a worker that is already running', async () => {
    const worker = await Api.start(redis, { roles: ['worker'], prefix: api.prefix });
    const shop = await FarSide.start();
    const asked = performance.now();
    await api.put('channel', 'new', shop.url);
    await api.add('new', 'A');
    await shop.untilDelivered('A');
    expect(performance.now() - asked).toBeLessThan(1_000);
    await worker.stop();
  });

  test('that was given another address is served there from the next item on', async () => {
    const [before, after] = [await FarSide.start(), await FarSide.start()];
    await api.put('channel', 'moving', before.url);
    const [a] = await api.add('moving', 'A');
    await api.untilState(a, 'completed');
    await api.put('channel', 'moving', after.url);
    const [b] = await api.add('moving', 'B');
    await api.untilState(b, 'completed');
    expect([before.skus, after.skus]).toEqual([['A'], ['B']]);
  });

  test('that says one thing about retries leaves the rest to the settings', async () => {
    await api.put('channel', 'patient', undefined, { retry: { attempts: 2 } });
    expect((await api.ok('GET', '/v1/channels/patient'))['retry']).toEqual({ attempts: 2 });
  });
});

describe('config/andon.yaml', () => {
  const file = join(directory, 'andon.yaml');
  const settings = (description: string, id: string) =>
    `channels:\n  ${id}:\n    description: ${description}\n    client: cape\n    connector: {type: http, url: "http://127.0.0.1:9/"}\n` +
    'sources:\n  acc: {description: Accounts, connector: {type: http, url: "http://127.0.0.1:9/"}}\n' +
    'services:\n  hub: {description: Hub, connector: {type: http, url: "http://127.0.0.1:9/"}}\n';

  test('is read at the first start only; afterwards the API rules', async () => {
    const prefix = redis.freshPrefix();
    await writeFile(file, settings('Cape Shopify', 'yaml-1'));
    const first = await Api.start(redis, { prefix, config: file });
    expect(await first.ok('GET', '/v1/channels/yaml-1')).toMatchObject({
      description: 'Cape Shopify',
      client: 'cape',
    });
    expect(await first.ok('GET', '/v1/sources/acc')).toMatchObject({ description: 'Accounts' });
    expect(await first.ok('GET', '/v1/services/hub')).toMatchObject({ description: 'Hub' });
    await first.put('channel', 'yaml-1', undefined, { description: 'Changed by hand' });
    await first.ok('DELETE', '/v1/sources/acc');
    await first.stop();

    await writeFile(
      file,
      settings('Another name', 'yaml-1').replace(
        'sources:',
        '  yaml-2: {description: D, connector: {type: http, url: "http://127.0.0.1:9/"}}\nsources:',
      ),
    );
    const second = await Api.start(redis, { prefix, config: file });
    expect(await second.ok('GET', '/v1/channels/yaml-1')).toMatchObject({
      description: 'Changed by hand',
    });
    for (const path of ['/v1/channels/yaml-2', '/v1/sources/acc'])
      expect((await second.call('GET', path)).status).toBe(404);
    await second.stop();
  });
});

describe('what the API says about itself', () => {
  interface Operation {
    readonly summary: string;
    readonly parameters: { name: string; in: string; required: boolean; schema: object }[];
    readonly requestBody?: { content: Record<string, { schema: Record<string, unknown> }> };
    readonly responses: Record<string, { description: string }>;
  }
  const document = async () => {
    const { body } = await api.call('GET', '/openapi.json', { key: null });
    return body as unknown as {
      openapi: string;
      info: { title: string; version: string };
      paths: Record<string, Record<string, Operation>>;
      components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
    };
  };
  const routes = routesOf({} as Services);
  const templated = (path: string) => path.replace(/:(\w+)/g, '{$1}');

  test('openapi.json lists exactly the calls that there are', async () => {
    const { paths } = await document();
    const listed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(listed.sort()).toEqual(
      [
        ...routes.map((row) => `${row.method} ${templated(row.path)}`),
        ...probes.map(({ path }) => `get ${path}`),
      ].sort(),
    );
  });

  test('and each of them is there when it is called', async () => {
    const { paths } = await document();
    const open = probes.filter((one) => one.open).map(({ path }) => path);
    for (const [path, methods] of Object.entries(paths)) {
      if (open.includes(path)) continue;
      for (const method of Object.keys(methods)) {
        const { status, body } = await api.call(
          method.toUpperCase(),
          path.replace(/\{\w+\}/g, '1'),
          { key: null },
        );
        expect([method, path, status, body.type]).toEqual([
          method,
          path,
          401,
          '/problems/unauthorized',
        ]);
      }
    }
  });

  test('openapi.json is OpenAPI 3.1: every part that a generator needs is there', async () => {
    const { openapi, info, paths, components } = await document();
    expect(openapi).toMatch(/^3\.1\.\d$/);
    expect(info).toMatchObject({
      title: 'Andon',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    expect(components.securitySchemes).toHaveProperty('key');
    for (const [path, methods] of Object.entries(paths)) {
      for (const operation of Object.values(methods)) {
        const inPath = operation.parameters
          .filter((one) => one.in === 'path')
          .map((one) => one.name);
        expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
        for (const parameter of operation.parameters)
          expect(parameter.schema).toHaveProperty('type');
        expect(operation.summary).toMatch(/\.$/);
        for (const [status, answer] of Object.entries(operation.responses)) {
          expect(status).toMatch(/^[2-5](\d\d|XX)$/);
          expect(answer.description).toMatch(/\S/);
        }
        const schema = operation.requestBody?.content['application/json']?.schema;
        if (operation.requestBody)
          expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
      }
    }
    const enqueue = paths['/v1/items']?.['post']?.requestBody?.content['application/json']?.schema;
    expect(enqueue).toMatchObject({
      required: ['instruction'],
      properties: { channel: { pattern: expect.any(String) } },
    });
  });

  test('/docs is a page that names every call', async () => {
    const page = await api.call('GET', '/docs', { key: null });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html\b/);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).toMatch(/^<!doctype html>/i);
    for (const row of routes) expect(page.text).toContain(`>${templated(row.path)}</code>`);
    expect(page.text).toContain(`curl ${api.url}/v1/items`);
    const hostile = await api.call('GET', '/docs', {
      key: null,
      headers: { host: '<script>alert(1)</script>' },
    });
    expect(hostile.text).not.toContain('<script>');
  });
});

test('a worker that has stopped leaves no timer behind that keeps its process alive', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const workers = await Promise.all(
    Array.from({ length: 8 }, () => Api.start(redis, { roles: ['worker'] })),
  );
  await Promise.all(workers.map((worker) => worker.stop()));
  // The API and worker of this file have timers that come and go: fewer than eight.
  await until('their timers to be gone', () => timers() < before + 8, 2_000);
});
