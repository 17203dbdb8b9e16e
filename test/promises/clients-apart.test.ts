import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Acts } from '../../src/incidents/acts.js';
import { readKey, Vault } from '../../src/secrets/vault.js';
import { Api, type Body, SECRET_KEY } from '../support/api.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const api = await Api.start(redis, { roles: ['api', 'worker'] });
const far = await FarSide.start();

/** Keys and people of two clients who share one Andon. */
const clients = ['acme', 'beta'] as const;
type Client = (typeof clients)[number];
const keys = {} as Record<Client, string>;
const people = {} as Record<Client, Person>;

const makeKey = async (grant: object) => (await api.ok('POST', '/v1/keys', grant)).key;

/** Orders whose fulfilment is refused; what is refused of them is up to the test. */
const refused = new Set<string>();

beforeAll(async () => {
  far.answer = ({ body: { data } }) =>
    refused.has(String(data['orderNumber'] ?? data['sku']))
      ? { status: 422, body: { detail: `no ${data['sku']} here` } }
      : { status: 200 };
  await api.put('service', 'fulfillment', far.url);
  for (const client of clients) {
    keys[client] = await makeKey({ scopes: ['enqueue', 'operate'], client });
    people[client] = await Person.of(api, {
      name: `${client}-operator`,
      role: 'operator',
      clients: [client],
    });
    await api.put('source', `${client}-erp`, far.url, { client });
  }
});

const enqueue = (client: Client, body: object) => api.ok('POST', '/v1/items', body, keys[client]);
const fulfil = (client: Client, orderNumber: string) =>
  enqueue(client, { instruction: 'fulfill_order', data: { orderNumber } });
const skip = (client: Client, id: number, scope: string, more: object = {}) =>
  api.ok('POST', `/v1/items/${id}/skip`, { scope, ...more }, keys[client]);
const stateOf = async (client: Client, { queueId }: Body) =>
  (await api.item(queueId, keys[client])).state;

/** Fails for acme, waits for both while the parallel queue stands still. */
async function sharedOrder(order: string): Promise<{ failed: Body; mine: Body; theirs: Body }> {
  refused.add(order);
  const failed = await fulfil('acme', order);
  await api.untilState(failed.queueId, 'failed');
  await api.ok('POST', '/v1/queues/parallel/pause', {});
  const theirs = await fulfil('beta', order);
  const mine = await fulfil('acme', order);
  refused.delete(order);
  return { failed, mine, theirs };
}
const goOn = () => api.ok('POST', '/v1/queues/parallel/resume');

describe('order 1001 of one client is not order 1001 of another', () => {
  test('a skip takes the items of its own client only, as its preview says', async () => {
    const { failed, mine, theirs } = await sharedOrder('1001');
    const preview = await skip('acme', failed.queueId, 'entity', { dryRun: true });
    const told = (preview['skips'] as Body[]).map(({ queueId }) => queueId);
    expect(told).toEqual([failed.queueId, mine.queueId]);
    const done = await skip('acme', failed.queueId, 'entity');
    expect(done['skippedIds']).toEqual([failed.queueId, mine.queueId]);
    expect(await stateOf('beta', theirs)).toBe('waiting');
    await goOn();
    await api.untilState(theirs.queueId, 'completed');
  });

  test('a rule until the next add skips what comes of its own client only', async () => {
    const { failed, theirs } = await sharedOrder('1002');
    await skip('acme', failed.queueId, 'entity-until-add');
    expect(await fulfil('beta', '1002')).toMatchObject({ state: 'waiting' });
    expect(await fulfil('acme', '1002')).toMatchObject({ state: 'skipped' });
    expect(await stateOf('beta', theirs)).toBe('waiting');

    const add = (client: Client) =>
      enqueue(client, {
        instruction: 'add_order',
        source: `${client}-erp`,
        data: { orderNumber: '1002' },
      });
    expect(await add('beta')).toMatchObject({ state: 'waiting' });
    expect(await fulfil('acme', '1002')).toMatchObject({ state: 'skipped' });
    expect(await add('acme')).toMatchObject({ state: 'waiting' });
    expect(await fulfil('acme', '1002')).toMatchObject({ state: 'waiting' });
    await goOn();
  });

  test('a rule is told to its own client only, whose operator may end it', async () => {
    const { failed } = await sharedOrder('1003');
    await skip('acme', failed.queueId, 'entity-until-add', { reason: 'acme says so' });
    const page = '/entities/order/1003';
    expect((await people.acme.get(page)).text).toContain('acme says so');
    const theirs = await people.beta.get(page);
    expect(theirs.status).toBe(200);
    expect(theirs.text).not.toContain('acme');
    const end = { queue: 'parallel', client: 'acme' };
    await people.beta.post(`${page}/end-rule`, end);
    expect(await fulfil('acme', '1003')).toMatchObject({ state: 'skipped' });
    await people.acme.post(`${page}/end-rule`, end);
    expect(await fulfil('acme', '1003')).toMatchObject({ state: 'waiting' });
    await goOn();
  });

  test('a rule of an older release, under the order alone, holds as it did', async () => {
    await api.redis.hset(
      api.keys.rules('parallel'),
      'order:1004',
      JSON.stringify({ at: 1, actor: 'old', scope: 'entity-until-add', until: '' }),
    );
    for (const client of clients)
      expect(await fulfil(client, '1004')).toMatchObject({ state: 'skipped' });
    await enqueue('beta', {
      instruction: 'add_order',
      source: 'beta-erp',
      data: { orderNumber: '1004' },
    });
    for (const client of clients)
      expect(await fulfil(client, '1004')).toMatchObject({ state: 'waiting' });
  });

  test('a skip can be taken back though the order of another client has run since', async () => {
    const { failed, theirs } = await sharedOrder('1005');
    await skip('acme', failed.queueId, 'item');
    await goOn();
    await api.untilState(theirs.queueId, 'completed');
    const own = await fulfil('acme', '1005');
    await api.untilState(own.queueId, 'completed');
    const undo = (id: number) =>
      api.call('POST', `/v1/items/${id}/undo-skip`, { body: {}, key: keys.acme });
    // Something newer of its own has run: that still counts.
    expect(await undo(failed.queueId)).toMatchObject({
      status: 409,
      body: { detail: expect.not.stringContaining(`item ${theirs.queueId} `) },
    });
    const { failed: other, mine, theirs: last } = await sharedOrder('1006');
    await skip('acme', other.queueId, 'entity');
    await goOn();
    await api.untilState(last.queueId, 'completed');
    expect((await undo(mine.queueId)).status).toBe(200);
    await api.untilState(mine.queueId, 'completed');
  });
});

describe('a channel that changes hands', () => {
  const settings = (client: Client | null) => ({
    description: 'The shop',
    client,
    connector: { type: 'http', url: far.url },
  });
  const give = (client: Client | null) =>
    api.call('PUT', '/v1/channels/moved', { body: settings(client) });
  let blocking: number;

  beforeAll(async () => {
    refused.add('ACME-SECRET');
    await give('acme');
    const item = (sku: string) =>
      enqueue('acme', {
        instruction: 'add_product',
        channel: 'moved',
        data: { sku, title: `${sku} of acme` },
      });
    blocking = (await item('ACME-SECRET')).queueId;
    await api.untilState(blocking, 'failed');
    await item('ACME-NEXT');
  });

  test('is not given away while it has unfinished items', async () => {
    for (const other of ['beta', null] as const)
      expect(await give(other)).toMatchObject({
        status: 409,
        body: {
          detail:
            'channel.moved belongs to client "acme" and has 2 open items: let them run, or skip or clear them, before it changes hands',
        },
      });
    expect((await give('acme')).status).toBe(200);
  });

  test('nor while items of it are open on the parallel queue', async () => {
    await api.put('channel', 'orders', far.url, { client: 'acme' });
    await api.ok('POST', '/v1/queues/parallel/pause', {});
    const { queueId } = await enqueue('acme', {
      instruction: 'sync_order',
      channel: 'orders',
      data: { orderNumber: '2001' },
    });
    const given = () => api.call('PUT', '/v1/channels/orders', { body: { ...settings('beta') } });
    expect((await given()).body.detail).toContain('open items on the parallel queue');
    await goOn();
    await api.untilState(queueId, 'completed');
    expect((await given()).status).toBe(200);
  });

  test('by being deleted and put anew: no item of before is sent there, neither by a retry nor by an undo', async () => {
    await api.put('channel', 'anew', far.url, { client: 'acme' });
    refused.add('2101');
    const parallel = await enqueue('acme', {
      instruction: 'sync_order',
      channel: 'anew',
      data: { orderNumber: '2101' },
    });
    await api.untilState(parallel.queueId, 'failed');
    refused.add('ACME-2102');
    const skipped = await enqueue('acme', {
      instruction: 'add_product',
      channel: 'anew',
      data: { sku: 'ACME-2102', title: 'of acme' },
    });
    await api.untilState(skipped.queueId, 'failed');
    await skip('acme', skipped.queueId, 'item', { reason: 'gone' });
    await api.ok('DELETE', '/v1/channels/anew');
    const undo = () =>
      api.call('POST', `/v1/items/${skipped.queueId}/undo-skip`, { key: keys.acme, body: {} });
    expect(await undo()).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('channel.anew was deleted') },
    });

    await api.put('channel', 'anew', far.url, { client: 'beta' });
    refused.delete('2101');
    await api.ok('POST', `/v1/items/${parallel.queueId}/retry`, {}, keys.acme);
    const whose = 'channel.anew belongs to client "beta" now';
    expect(await api.untilState(parallel.queueId, 'failed')).toMatchObject({
      attempts: 2,
      error: { message: expect.stringContaining(whose) },
    });
    expect(await undo()).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining(whose) },
    });
    expect(await stateOf('acme', skipped)).toBe('skipped');
  });

  describe('given away by an older release all the same', () => {
    const hidden = /ACME|of acme/;

    beforeAll(async () => {
      const { endpoints, endpointsStamp } = api.keys.registry;
      const stored = JSON.parse(String(await api.redis.hget(endpoints, 'channel.moved')));
      const moved = JSON.stringify({ ...stored, client: 'beta' });
      await api.redis.hset(endpoints, 'channel.moved', moved);
      await api.redis.set(endpointsStamp, 'moved');
    });

    const texts = async (...paths: string[]) =>
      Promise.all(
        paths.map(async (path) => {
          const { status, text } = await people.beta.get(path);
          return { path, status, text };
        }),
      );

    test('shows nothing of what is in it on Bull Board', async () => {
      const name = encodeURIComponent('beta › Channels › The shop (moved)');
      const [list, one] = await texts(
        `/board/api/queues?activeQueue=${name}&status=failed&page=1&jobsPerPage=10`,
        `/board/api/queues/${name}/${blocking}`,
      );
      const queues = JSON.parse(list!.text).queues as { name: string; description: string }[];
      const shown = queues.find((queue) => queue.name === decodeURIComponent(name));
      expect(shown).toMatchObject({
        jobs: [],
        description: expect.stringContaining('Blocked by an item of somebody else'),
      });
      expect(list!.text).not.toMatch(hidden);
      expect(one!.status).toBe(404);
      const [waiting] = await texts(
        `/board/api/queues?activeQueue=${name}&status=waiting&page=1&jobsPerPage=10`,
      );
      expect(waiting!.text).not.toMatch(hidden);
      const [logs] = await texts(`/board/api/queues/${name}/${blocking}/logs`);
      expect(logs!.text).not.toContain('enqueue');
      // The same board for the one whose items they are not any less.
      const admin = await Person.of(api, { name: 'sees-all', role: 'admin' });
      const whole = await admin.get(
        `/board/api/queues?activeQueue=${name}&status=failed&page=1&jobsPerPage=10`,
      );
      expect(whole.text).toContain('ACME-SECRET');
    });

    test('shows nothing of what is in it at the desk', async () => {
      for (const { path, status, text } of await texts('/queues/channel.moved', '/queues', '/')) {
        expect([path, status]).toEqual([path, 200]);
        expect(text).not.toMatch(hidden);
      }
      const [page] = await texts('/queues/channel.moved');
      expect(page!.text).toContain('an item of somebody else');
      expect(page!.text).not.toContain(`/items/${blocking}`);
      const [item] = await texts(`/items/${blocking}`);
      expect(item!.status).toBe(404);
    });

    test('shows nothing of what is in it to a key', async () => {
      for (const path of ['/v1/queues/channel.moved', '/v1/queues', '/v1/summary', '/v1/items']) {
        const { text } = await api.call('GET', path, { key: keys.beta });
        expect(text).not.toMatch(hidden);
      }
      expect(await api.ok('GET', '/v1/queues/channel.moved', undefined, keys.beta)).toMatchObject({
        state: 'blocked',
        blockedBy: null,
      });
    });
  });
});

describe('a channel that was deleted and put anew for another client', () => {
  test('shows its new client nothing in the audit of what was done before', async () => {
    await api.put('channel', 'handed', far.url, { client: 'acme' });
    refused.add('HIDDEN-SKU');
    const [failed = 0] = await api.add('handed', 'HIDDEN-SKU');
    await api.untilState(failed, 'failed');
    await api.ok('POST', `/v1/items/${failed}/skip`, { reason: 'HIDDEN plan of acme' });
    const turn = async (reason: string) => {
      await api.ok('POST', '/v1/queues/channel.handed/pause', { reason });
      await api.ok('POST', '/v1/queues/channel.handed/resume');
    };
    await turn('HIDDEN stock take');
    const shownTo = async (client: Client) => (await people[client].get('/audit')).text;
    for (const what of ['no HIDDEN-SKU here', 'HIDDEN plan of acme', 'HIDDEN stock take'])
      expect(await shownTo('acme')).toContain(what);
    await api.ok('DELETE', '/v1/channels/handed');
    await api.put('channel', 'handed', far.url, { client: 'beta' });
    await turn('inventory of beta');
    expect(await shownTo('beta')).toContain('inventory of beta');
    expect(await shownTo('beta')).not.toContain('HIDDEN');
    expect(await shownTo('acme')).not.toContain('inventory of beta');
    expect(await shownTo('acme')).toContain('HIDDEN plan of acme');
    // What else is put of it makes it nobody else's.
    await api.put('channel', 'handed', far.url, { client: 'beta', description: 'Handed' });
    expect(await shownTo('beta')).toContain('inventory of beta');
    const admin = await Person.of(api, { name: 'sees-all', role: 'admin' });
    expect((await admin.get('/audit')).text).toContain('HIDDEN stock take');
  });
});

describe('what would run next', () => {
  /** On the parallel queue: fails for acme, and beta's waits. */
  let failed: Body;
  /** On a blocking queue: fails for beta, and what waits was acme's before the channel changed hands. */
  let head: Body;
  const hidden = /HIDDEN/;

  beforeAll(async () => {
    refused.add('3001');
    failed = await fulfil('acme', '3001');
    await api.untilState(failed.queueId, 'failed');
    await api.ok('POST', '/v1/queues/parallel/pause', {});
    await fulfil('beta', 'HIDDEN-3002');

    await api.put('channel', 'mixed', far.url, { client: 'beta' });
    refused.add('3003');
    const add = (sku: string) =>
      enqueue('beta', {
        instruction: 'update_product',
        channel: 'mixed',
        data: { sku, title: sku },
      });
    head = await add('3003');
    await api.untilState(head.queueId, 'failed');
    const next = await add('HIDDEN-3004');
    await api.redis.hset(api.keys.item('channel.mixed', next.queueId), 'client', 'acme');
  });
  afterAll(goOn);

  const cases = (): [Client, Body][] => [
    ['acme', failed],
    ['beta', head],
  ];

  test('is told by a preview only that it is somebody else’s, when it is', async () => {
    for (const [client, { queueId }] of cases())
      for (const scope of ['item', 'entity', 'entity-until-add']) {
        const preview = await skip(client, queueId, scope, { dryRun: true });
        expect(preview).toMatchObject({ next: null, nextHidden: true });
        expect(JSON.stringify(preview)).not.toMatch(hidden);
      }
    const all = await api.ok('POST', `/v1/items/${head.queueId}/skip`, { dryRun: true });
    expect(all).toMatchObject({ next: { title: 'HIDDEN-3004' }, nextHidden: false });
  });

  test('is told so on the page of a skip, too', async () => {
    for (const [client, { queueId }] of cases()) {
      const page = await people[client].get(`/items/${queueId}/skip`);
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(hidden);
      if (client === 'beta') expect(page.text).toContain('Then an item of somebody else runs.');
    }
  });

  test('and where the link of a mail leads', async () => {
    const acts = new Acts(api.redis, api.keys, new Vault([readKey(SECRET_KEY)!]), 60_000);
    for (const [client, { queue, queueId }] of cases()) {
      const at = await acts.failedAt(queue, queueId);
      const act = { verb: 'skip', incident: 1, queueId, at: at ?? 0, address: 'a@b.c' } as const;
      const page = await api.call('GET', `/act/${await acts.sign(act, Date.now())}`, { key: null });
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(hidden);
      // Nothing waits for what is on the parallel queue; the test has paused it.
      if (client === 'beta')
        expect(page.text).toContain('Next would run an item of somebody else.');
    }
  });

  test('a key for one channel skips beyond it on the parallel queue no more than it sees', async () => {
    await api.put('channel', 'acme-shop', far.url, { client: 'acme' });
    const key = await makeKey({ scopes: ['enqueue', 'operate'], channels: ['acme-shop'] });
    refused.add('3005');
    const item = { instruction: 'sync_order', channel: 'acme-shop', data: { orderNumber: '3005' } };
    await goOn();
    const { queueId } = await api.ok('POST', '/v1/items', item, key);
    await api.untilState(queueId, 'failed');
    await api.ok('POST', '/v1/queues/parallel/pause', {});
    refused.delete('3005');
    const beyond = await fulfil('acme', '3005');
    const wide = { scope: 'entity', reason: 'x' };
    const skipIt = (path: string, body: object) => api.call('POST', path, { body, key });
    expect((await skipIt(`/v1/items/${queueId}/skip`, wide)).status).toBe(403);
    expect((await skipIt(`/v1/items/${queueId}/skip`, { ...wide, dryRun: true })).status).toBe(403);
    expect((await skipIt('/v1/items/skip', { ...wide, state: 'failed' })).status).toBe(403);
    expect(await stateOf('acme', beyond)).toBe('waiting');
    expect((await skipIt(`/v1/items/${queueId}/skip`, { reason: 'x' })).status).toBe(200);
    expect(await stateOf('acme', beyond)).toBe('waiting');
  });
});

describe('a key for one channel', () => {
  let channelKey: string;
  let otherKey: string;
  const post = (body: object, key: string, headers: Record<string, string> = {}) =>
    api.call('POST', '/v1/items', { body, key, headers });
  const update = (channel: string, sku: string) => ({
    instruction: 'update_product',
    channel,
    data: { sku, title: 'T' },
  });

  beforeAll(async () => {
    for (const client of clients) await api.put('channel', `only-${client}`, far.url, { client });
    await api.put('channel', 'only-nobody', far.url);
    await api.put('service', 'email', far.url);
    const grant = (channel: string) => ({ scopes: ['enqueue', 'read'], channels: [channel] });
    channelKey = await makeKey(grant('only-acme'));
    otherKey = await makeKey(grant('only-beta'));
  });

  test('enqueues for that channel, and nothing in the name of any client', async () => {
    const mail = { instruction: 'send_email', data: { to: 'a@b.c', subject: 'S', text: 'T' } };
    const order = { instruction: 'fulfill_order', data: { orderNumber: '4001' } };
    const before = await api.dump();
    for (const item of [mail, order])
      for (const client of ['beta', 'acme', undefined])
        expect(await post({ ...item, client }, channelKey)).toMatchObject({
          status: 422,
          body: {
            errors: [
              {
                pointer: '/channel',
                detail:
                  'this key may enqueue for its own channels and sources only: name one of them',
              },
            ],
          },
        });
    const named = { ...order, channel: 'only-acme' };
    expect(await post({ ...named, client: 'beta' }, channelKey)).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/client' }] },
    });
    expect((await post({ ...order, channel: 'only-beta' }, channelKey)).status).toBe(422);
    const batch = { items: [update('only-acme', 'A'), order] };
    const refusedBatch = await api.call('POST', '/v1/items/batch', {
      body: batch,
      key: channelKey,
    });
    expect(refusedBatch.status).toBe(422);
    expect(await api.dump()).toEqual(before);

    const taken = await post(named, channelKey);
    expect(taken.status).toBe(202);
    expect(await api.item(taken.body.queueId, channelKey)).toMatchObject({
      client: 'acme',
      channel: 'only-acme',
    });
    expect((await post(update('only-acme', 'A'), channelKey)).status).toBe(202);
  });

  test('whose channel is nobody’s enqueues for nobody', async () => {
    const key = await makeKey({ scopes: ['enqueue'], channels: ['only-nobody'] });
    const item = update('only-nobody', 'A');
    expect((await post({ ...item, client: 'beta' }, key)).status).toBe(422);
    expect((await post(item, key)).status).toBe(202);
  });

  test('never meets the idempotency keys of another, but those of the key it replaces', async () => {
    const again = { 'idempotency-key': 'once' };
    const mine = await post(update('only-acme', 'ONCE'), channelKey, again);
    expect(mine.status).toBe(202);
    for (const [key, channel] of [
      [otherKey, 'only-beta'],
      [keys.acme, 'only-acme'],
    ] as const) {
      const theirs = await post(update(channel, 'ELSE'), key, again);
      expect(theirs.status).toBe(202);
      expect(theirs.headers['idempotent-replayed']).toBeUndefined();
    }
    const successor = await makeKey({ scopes: ['enqueue'], channels: ['only-acme'] });
    const replayed = await post(update('only-acme', 'ONCE'), successor, again);
    expect(replayed.headers['idempotent-replayed']).toBe('true');
    expect(replayed.body.queueId).toBe(mine.body.queueId);
  });
});

test('whoever names an item of another client in a run is not told what it is', async () => {
  refused.add('HIDDEN-RUN');
  far.answer = () => ({ status: 422, body: { detail: 'no' } });
  const theirs = await fulfil('beta', 'HIDDEN-RUN');
  const { error } = await api.untilState(theirs.queueId, 'failed');
  const pick = `${theirs.queueId}@${(error as { at: string }).at}`;
  const { headers } = await people.acme.post('/clusters/any/run', {
    verb: 'retry',
    canary: '0',
    title: 'test',
    pick,
  });
  const page = await until('the run to end', async () => {
    const { text } = await people.acme.get(String(headers.location));
    return text.includes('badge done') ? text : null;
  });
  expect(page).not.toContain('HIDDEN-RUN');
  expect(await stateOf('beta', theirs)).toBe('failed');
});
