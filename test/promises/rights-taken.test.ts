import { beforeAll, describe, expect, test } from '@jest/globals';
import { formToken } from '../../src/accounts/sessions.js';
import { Api } from '../support/api.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const api = await Api.start(redis, { roles: ['api', 'worker'] });
const far = await FarSide.start();

describe('rights that are taken away meanwhile', () => {
  let shop: FarSide;
  let answerCanary: () => void;
  let admin: Person;
  let rounds = 0;

  beforeAll(async () => {
    await api.put('service', 'fulfillment', far.url);
    admin = await Person.of(api, { name: 'sees-all', role: 'admin' });
  });

  /** Somebody retries three failed items with a canary, whose delivery waits for `answerCanary`. */
  async function begun() {
    rounds += 1;
    const name = `operator-${rounds}`;
    const person = await Person.of(api, { name, role: 'operator', clients: ['acme', 'beta'] });
    shop = await FarSide.start();
    shop.answer = () => ({ status: 422, body: { detail: 'no price' } });
    const ids: number[] = [];
    for (const n of [1, 2, 3]) {
      const channel = `rights-${rounds}-${n}`;
      await api.put('channel', channel, shop.url, { client: n === 1 ? 'beta' : 'acme' });
      ids.push((await api.add(channel, `S${n}`))[0] ?? 0);
    }
    const items = await Promise.all(ids.map((id) => api.untilState(id, 'failed')));
    const canary = new Promise<void>((resolve) => {
      answerCanary = resolve;
    });
    shop.answer = async () => {
      await canary;
      return { status: 200 };
    };
    const pick = items.map(
      (item) => `${item.queueId}@${(item['error'] as { at: string } | null)?.at}`,
    );
    const fields = { verb: 'retry', canary: '1', title: 'test', pick };
    const { headers } = await person.post('/clusters/any/run', fields);
    await until('the canary to be on its way', () => shop.deliveries.length === 4);
    return { name, person, ids, path: String(headers.location) };
  }

  const ended = (path: string) =>
    until('the run to end', async () => {
      const { text } = await admin.get(path);
      return /badge (stopped|done|cancelled)/.test(text) ? text : null;
    }) as Promise<string>;

  test.each([
    ['disabled', { disabled: true }],
    ['made a viewer', { role: 'viewer' }],
  ] as const)('end a run: who began it was %s while the canary ran', async (_, change) => {
    const { name, person, ids, path } = await begun();
    await person.accounts.change('test', name, change);
    answerCanary();
    expect(await ended(path)).toContain(
      `Stopped, and the rest left as it was: user ${name}, who began it, may retry nothing any more`,
    );
    await api.untilState(ids[0], 'completed');
    for (const id of ids.slice(1))
      expect(await api.item(id)).toMatchObject({ state: 'failed', attempts: 1 });
  });

  test('a run leaves the items of a client that who began it does not see any more', async () => {
    const { name, person, ids, path } = await begun();
    await person.accounts.change('test', name, { clients: ['beta'] });
    answerCanary();
    expect(await ended(path)).toContain('2 left as they were');
    for (const id of ids.slice(1))
      expect(await api.item(id)).toMatchObject({ state: 'failed', attempts: 1 });
    // Nor is that one told of them, though the run is theirs.
    const again = await Person.of(api, { name });
    expect((await again.get(path)).text).not.toContain(`channel.rights-${rounds}-2`);
  });

  test('end a Retry all on Bull Board, and say how far it came', async () => {
    const orders = 100;
    const person = await Person.of(api, { name: 'on-the-board', role: 'operator' });
    far.answer = () => ({ status: 422, body: { detail: 'not on stock at all' } });
    const items = Array.from({ length: orders }, (_, n) => ({
      instruction: 'fulfill_order',
      data: { orderNumber: `board-${n}` },
    }));
    await api.ok('POST', '/v1/items/batch', { items });
    const failed = async () => (await api.ok('GET', '/v1/queues/parallel'))['counts'].failed;
    await until('all to have failed', async () => (await failed()) === orders);
    let disabled: Promise<unknown> | null = null;
    far.answer = async () => {
      disabled ??= person.accounts.change('test', person.name, { disabled: true });
      await disabled;
      return { status: 200 };
    };
    const queue = encodeURIComponent('Parallel › All non-blocking items');
    const answer = await api.call('PUT', `/board/api/queues/${queue}/retry/failed`, {
      key: null,
      headers: {
        cookie: person.cookie,
        origin: api.url,
        accept: 'application/json',
        'x-andon-token': formToken(person.secret),
      },
    });
    expect(answer).toMatchObject({
      status: 403,
      body: { message: expect.stringMatching(/^you may not do this any more: \d+ of 100 items/) },
    });
    const reached = Number(/(\d+) of/.exec(String(answer.body['message']))?.[1]);
    expect(reached).toBeLessThan(orders);
    expect(await failed()).toBe(orders - reached);
    // What is left must not stand in the way of the next test.
    await api.ok('POST', '/v1/items/skip', { error: 'not on stock at all', reason: 'test' });
  });

  test('end what a key does to many at once, and say how far it came', async () => {
    const orders = 200;
    const mine = { scopes: ['enqueue', 'operate'], client: 'acme' };
    const { key, id } = await api.ok('POST', '/v1/keys', mine);
    const error = 'nobody can fulfil this';
    far.answer = () => ({ status: 422, body: { detail: error } });
    const items = Array.from({ length: orders }, (_, n) => ({
      instruction: 'fulfill_order',
      data: { orderNumber: `many-${n}` },
    }));
    await api.ok('POST', '/v1/items/batch', { items }, key);
    const matched = async () =>
      (await api.ok('POST', '/v1/items/retry', { error, dryRun: true }))['matched'];
    await until('all to have failed', async () => (await matched()) === orders);
    let revoked: Promise<unknown> | null = null;
    far.answer = async () => {
      revoked ??= api.call('DELETE', `/v1/keys/${id}`);
      await revoked;
      return { status: 200 };
    };
    const answer = await api.call('POST', '/v1/items/retry', { body: { error }, key });
    expect(answer).toMatchObject({
      status: 401,
      body: { detail: expect.stringMatching(/^this key was revoked meanwhile: \d+ of 200 items/) },
    });
    const reached = Number(/(\d+) of/.exec(answer.body.detail)?.[1]);
    expect(reached).toBeGreaterThan(0);
    expect(reached).toBeLessThan(orders);
    expect(await matched()).toBe(orders - reached);
  });
});
