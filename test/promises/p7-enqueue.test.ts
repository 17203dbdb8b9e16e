import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api, product } from '../support/api.js';
import { Network } from '../support/network.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const network = await Network.before(redis.url);
const api = await Api.start(redis);

beforeAll(async () => {
  for (const id of ['12', '13']) await api.put('channel', id, undefined, { client: 'cape' });
  await api.put('source', 's1');
  for (const id of ['fulfillment', 'hub', 'email', 'webhook']) await api.put('service', id);
  await api.ok('PUT', '/v1/webhooks/e', { url: 'http://127.0.0.1:9/', description: 'e' });
});

let made = 0;
/** The name of a channel that no other test enqueues to. */
async function freshChannel(of = api): Promise<string> {
  const id = `fresh-${++made}`;
  await of.put('channel', id);
  return id;
}

/** SKUs of everything in a channel's queue, in the order in which it will be delivered. */
async function skusIn(channel: string, of = api): Promise<unknown[]> {
  const { items } = await of.ok('GET', `/v1/items?queue=channel.${channel}&limit=200`);
  return items.map((item) => item.data['sku']).reverse();
}

describe('P7: what was answered with success is stored', () => {
  test('202 tells where the item is', async () => {
    const channel = await freshChannel();
    await api.add(channel, 'before');
    const { status, headers, body } = await api.call('POST', '/v1/items', {
      body: product(channel, 'TSH-RED-M'),
    });
    expect(status).toBe(202);
    expect(headers['location']).toBe(`/v1/items/${body.queueId}`);
    expect(headers['idempotent-replayed']).toBeUndefined();
    expect(body).toEqual({
      queueId: expect.any(Number),
      queue: `channel.${channel}`,
      mode: 'blocking',
      state: 'waiting',
      position: 1,
    });
    const item = await api.ok('GET', String(headers['location']));
    expect(item).toMatchObject({
      ...body,
      instruction: 'add_product',
      description: `Add product to channel ${channel}`,
      title: 'TSH-RED-M',
      client: null,
      source: null,
      channel,
      entity: { kind: 'sku', key: 'TSH-RED-M' },
      attempts: 0,
      startedAt: null,
      finishedAt: null,
      error: null,
      outcome: null,
      history: [],
      logs: [],
    });
    expect(Math.abs(Date.parse(String(item['enqueuedAt'])) - Date.now())).toBeLessThan(60_000);
    expect(item['enqueuedAt']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('the client is the channel’s; a title and entity that are given are kept', async () => {
    const given = { title: 'Größe M', entity: { kind: 'style', key: 'TSH:RED' }, source: 's1' };
    const { queueId } = await api.ok('POST', '/v1/items', product('12', 'A', given));
    expect(await api.item(queueId)).toMatchObject({ ...given, client: 'cape' });
  });

  test('a title that is too long for a list is not cut through a character', async () => {
    const title = `${'x'.repeat(199)}👍 and so on`;
    const { queueId } = await api.ok('POST', '/v1/items', {
      ...product('12', 'A'),
      data: { sku: 'A', title },
    });
    const item = await api.item(queueId);
    expect(title.startsWith(item.title)).toBe(true);
    expect(item.data['title']).toBe(title);
  });

  test.each<[string, object]>([
    [
      'umlauts, emoji, right-to-left and line separators',
      { name: 'Größe 👩‍👩‍👧 مرحبا \u2028 \u202e "\\/\b\f' },
    ],
    ['half a megabyte of text', { text: '€'.repeat(170_000) }],
    ['thirty levels', { deep: JSON.parse(`${'[{"a":'.repeat(14)}1${'}]'.repeat(14)}`) }],
    [
      'numbers of all kinds',
      { n: [0, 1, -1, 0.1, 1e21, 5e-324, 9007199254740991, 1.7976931348623157e308] },
    ],
    ['nothings', { none: null, no: false, empty: '', list: [], object: {}, '': '' }],
    ['names that JavaScript knows', { constructor: 1, toString: 2, hasOwnProperty: 3, length: 4 }],
    ['blanks around', { ' a ': ' b ' }],
  ])('GET gives the same data back, byte for byte: %s', async (_, more) => {
    const data = { sku: ' A ', title: 'T', ...more };
    const sent = JSON.stringify(data);
    const { body } = await api.call('POST', '/v1/items', {
      raw: `{"instruction":"add_product","channel":"12","data":${sent}}`,
    });
    const { text } = await api.call('GET', `/v1/items/${body.queueId}`);
    expect(text.includes(`"data":${sent}`)).toBe(true);
  });

  test('queue ids are unique numbers over all queues', async () => {
    const items = [
      product('12', 'A'),
      product('13', 'B'),
      { instruction: 'sync_products', source: 's1' },
    ];
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => api.ok('POST', '/v1/items/batch', { items })),
    );
    const ids = answers.flatMap((answer) => answer.items.map((one) => one.queueId));
    expect(new Set(ids).size).toBe(30);
    for (const id of ids) expect(Number.isSafeInteger(id)).toBe(true);
  });
});

describe('P7: an Idempotency-Key makes one item of one request, however often it is sent', () => {
  const keyed = (key: string, body: unknown, path = '/v1/items') =>
    api.call('POST', path, { body, headers: { 'idempotency-key': key } });

  test('the same request again has the first answer, and says so', async () => {
    const channel = await freshChannel();
    const first = await keyed('once', product(channel, 'A'));
    await api.add(channel, 'B');
    const sameInOtherWords = {
      data: { title: 'A', sku: 'A' },
      channel,
      instruction: 'add_product',
    };
    const again = await keyed('"once"', sameInOtherWords);
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers).toMatchObject({
      'idempotent-replayed': 'true',
      location: first.headers['location'],
    });
    expect(await skusIn(channel)).toEqual(['A', 'B']);
  });

  test('twenty at the same moment are one', async () => {
    const channel = await freshChannel();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => keyed('at-once', product(channel, 'A'))),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.queueId}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => !headers['idempotent-replayed'])).toHaveLength(1);
    expect(await skusIn(channel)).toEqual(['A']);
  });

  test('the same key with another body is refused', async () => {
    const channel = await freshChannel();
    await keyed('other', product(channel, 'A'));
    for (const body of [
      product(channel, 'B'),
      product('12', 'A'),
      product(channel, 'A', { title: 'x' }),
    ]) {
      const answer = await keyed('other', body);
      expect(answer).toMatchObject({
        status: 422,
        body: { type: '/problems/idempotency-key-reused' },
      });
    }
    expect(await skusIn(channel)).toEqual(['A']);
  });

  test('a refused request leaves its key free', async () => {
    const channel = await freshChannel();
    expect((await keyed('free', { ...product(channel, 'A'), data: {} })).status).toBe(422);
    expect((await keyed('free', product(channel, 'A'))).status).toBe(202);
  });

  test('a whole batch again has the first answers', async () => {
    const channel = await freshChannel();
    const items = ['A', 'B', 'C'].map((sku) => product(channel, sku));
    const first = await keyed('batch', { items }, '/v1/items/batch');
    const again = await keyed('batch', { items }, '/v1/items/batch');
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body.items.map((one) => one.queueId)).toEqual(
      first.body.items.map((one) => one.queueId),
    );
    expect(await skusIn(channel)).toEqual(['A', 'B', 'C']);
  });

  test.each([
    ['longer', ['A', 'B', 'C', 'D']],
    ['shorter', ['A', 'B']],
    ['other', ['A', 'B', 'X']],
    ['turned round', ['C', 'B', 'A']],
  ])('the same key with a %s batch is refused whole', async (_, skus) => {
    const channel = await freshChannel();
    const batch = (...all: string[]) => ({ items: all.map((sku) => product(channel, sku)) });
    const key = `batch-${channel}`;
    await keyed(key, batch('A', 'B', 'C'), '/v1/items/batch');
    expect((await keyed(key, batch(...skus), '/v1/items/batch')).status).toBe(422);
    expect(await skusIn(channel)).toEqual(['A', 'B', 'C']);
  });

  test('items of a batch may have keys of their own, which count in any batch and alone', async () => {
    const channel = await freshChannel();
    const own = (sku: string) => product(channel, sku, { idempotencyKey: `${channel}-${sku}` });
    const send = (items: object[], key: string) => keyed(key, { items }, '/v1/items/batch');
    const first = await send([own('A'), own('B')], `${channel}-first`);
    const longer = await send([own('A'), own('B'), own('C')], `${channel}-second`);
    expect(longer.status).toBe(202);
    expect(longer.headers['idempotent-replayed']).toBeUndefined();
    expect(longer.body.items.map((one) => one['replayed'])).toEqual([true, true, false]);
    expect(longer.body.items[0]?.queueId).toBe(first.body.items[0]?.queueId);
    const alone = await keyed(`${channel}-A`, product(channel, 'A'));
    expect(alone).toMatchObject({ status: 202, body: { queueId: first.body.items[0]?.queueId } });
    expect(await skusIn(channel)).toEqual(['A', 'B', 'C']);
  });
});

describe('P1: a batch keeps its order and takes one unbroken range', () => {
  test('also with ten at the same moment and single items between', async () => {
    const channel = await freshChannel();
    const batches = Array.from({ length: 10 }, (_, n) =>
      Array.from({ length: 15 }, (_, i) => `${n}-${String(i).padStart(2, '0')}`),
    );
    await Promise.all([
      ...batches.map((skus) => api.add(channel, ...skus)),
      ...Array.from({ length: 10 }, (_, n) =>
        api.ok('POST', '/v1/items', product(channel, `single-${n}`)),
      ),
    ]);
    const skus = await skusIn(channel);
    expect(skus).toHaveLength(160);
    for (const batch of batches) {
      const start = skus.indexOf(batch[0]);
      expect(skus.slice(start, start + batch.length)).toEqual(batch);
    }
  });

  test('over several queues each answer stands where its item stood', async () => {
    const [a, b] = [await freshChannel(), await freshChannel()];
    const items = [product(a, '1'), product(b, '2'), product(a, '3')];
    const answer = await api.ok('POST', '/v1/items/batch', { items });
    expect(answer.items.map(({ queue, position }) => [queue, position])).toEqual([
      [`channel.${a}`, 0],
      [`channel.${b}`, 0],
      [`channel.${a}`, 1],
    ]);
  });
});

describe('the catalogue alone decides where an item goes', () => {
  const channel = { channel: '12' };
  const source = { source: 's1' };
  const sku = { sku: 'A', title: 'A', src: 'https://img.example/a.jpg' };
  const order = { orderNumber: '1001' };
  const ways: [string, object, object, string][] = [
    ['add_image', channel, sku, 'channel.12'],
    ['add_product', channel, sku, 'channel.12'],
    ['add_variant', channel, sku, 'channel.12'],
    ['clear_channel', channel, {}, 'channel.12'],
    ['init_channel', channel, {}, 'channel.12'],
    ['set_channel_status', channel, {}, 'channel.12'],
    ['delete_image', channel, sku, 'channel.12'],
    ['delete_product', channel, sku, 'channel.12'],
    ['delete_product_variant', channel, sku, 'channel.12'],
    ['fetch_images', source, {}, 'source.s1'],
    ['sync_channel', channel, {}, 'channel.12'],
    ['sync_image', source, sku, 'source.s1'],
    ['sync_product', source, sku, 'source.s1'],
    ['sync_products', source, {}, 'source.s1'],
    ['sync_customer', source, { code: 'C1' }, 'source.s1'],
    ['sync_channel_products', channel, {}, 'channel.12'],
    ['update_product', channel, sku, 'channel.12'],
    ['update_variant', channel, sku, 'channel.12'],
    ['add_order', source, order, 'parallel'],
    ['fulfill_order', {}, order, 'parallel'],
    ['update_order_instruction', {}, order, 'parallel'],
    ['sync_channel_fulfillments', channel, order, 'parallel'],
    ['sync_fulfillment', {}, order, 'parallel'],
    ['sync_order', channel, order, 'parallel'],
    ['send_email', {}, { to: 'a@b.c', subject: 'S', text: 'T' }, 'parallel'],
    ['send_webhook', {}, { endpoint: 'e', event: 'x' }, 'parallel'],
  ];

  test('and there are these 26', () => {
    const catalogue = JSON.parse(readFileSync('config/instructions.json', 'utf8')) as {
      instruction: string;
    }[];
    expect(catalogue.map((one) => one.instruction).sort()).toEqual(
      ways.map(([name]) => name).sort(),
    );
  });

  test.each(ways)('%s', async (instruction, target, data, queue) => {
    const body = await api.ok('POST', '/v1/items', { instruction, ...target, data });
    const mode = queue === 'parallel' ? 'non-blocking' : 'blocking';
    expect(body).toMatchObject({ queue, mode });
    expect(await api.item(body.queueId)).toMatchObject({ queue, mode, instruction, data });
  });

  test('both targets may be named; the one of the instruction counts', async () => {
    const both = { channel: '12', source: 's1' };
    expect(
      await api.ok('POST', '/v1/items', { instruction: 'sync_products', ...both }),
    ).toMatchObject({ queue: 'source.s1' });
    expect(
      await api.ok('POST', '/v1/items', { instruction: 'init_channel', ...both }),
    ).toMatchObject({ queue: 'channel.12' });
  });
});

describe('P7: while Redis is away', () => {
  const distant = Api.start(redis, { url: network.url });

  /** Answers 503 within 2 seconds, and says when to come again. */
  async function expectAway(of: Api, channel: string, key: string): Promise<void> {
    const asked = performance.now();
    const answer = await of.call('POST', '/v1/items', {
      body: product(channel, key),
      headers: { 'idempotency-key': key },
    });
    expect(performance.now() - asked).toBeLessThan(2_000);
    expect(answer).toMatchObject({
      status: 503,
      body: { status: 503, type: '/problems/store-unavailable' },
    });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json\b/);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }

  const untilBack = (of: Api) =>
    until('the API to be ready', async () => (await of.call('GET', '/readyz')).status === 200);

  test.each<[string, () => void, string[]]>([
    ['hangs', () => network.stall(), ['held-1', 'held-2']],
    ['cannot be reached', () => network.refuse(), []],
    ['answers into the void', () => network.loseReplies(), []],
  ])(
    'Redis that %s: 503 within 2 s, never a false success, and by itself well again',
    async (_, worsen, late) => {
      const of = await distant;
      const channel = await freshChannel(of);
      const [one, two] = late.length > 0 ? late : [`${channel}-1`, `${channel}-2`];
      await of.add(channel, 'before');
      worsen();
      await Promise.all([
        expectAway(of, channel, String(one)),
        expectAway(of, channel, String(two)),
      ]);
      expect((await of.call('GET', '/healthz')).status).toBe(200);
      expect((await of.call('GET', '/readyz')).status).toBe(503);
      network.heal();
      await untilBack(of);
      // Whether the two were stored nobody could tell; with their keys nobody needs to.
      for (const key of [one, two]) {
        const again = await of.call('POST', '/v1/items', {
          body: product(channel, String(key)),
          headers: { 'idempotency-key': String(key) },
        });
        expect(again.status).toBe(202);
      }
      expect((await skusIn(channel, of)).sort()).toEqual(['before', one, two].sort());
    },
  );

  test('a reply that is lost is no second item', async () => {
    const of = await distant;
    const channel = await freshChannel(of);
    const send = () =>
      of.call('POST', '/v1/items', {
        body: product(channel, 'A'),
        headers: { 'idempotency-key': channel },
      });
    const monitor = await of.redis.monitor();
    const stored = new Promise<void>((resolve) => {
      monitor.on('monitor', (_: string, args: string[]) => {
        if (args.some((arg) => arg.includes(channel)) && /^evalsha$/i.test(args[0] ?? '')) {
          network.loseReplies();
          resolve();
        }
      });
    });
    const [answer] = await Promise.all([send(), stored]);
    monitor.disconnect();
    network.heal();
    await untilBack(of);
    const again = await send();
    expect(again.status).toBe(202);
    // Either the answer came through before the network fell, or the item is the one stored then.
    expect([202, 503]).toContain(answer.status);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(await skusIn(channel, of)).toEqual(['A']);
  });

  test('Redis killed under load: every success is there, once, and everything else once it is sent again', async () => {
    const channel = await freshChannel();
    const wanted = Array.from({ length: 300 }, (_, n) => `load-${n}`);
    const send = (sku: string) =>
      api.call('POST', '/v1/items', {
        body: product(channel, sku),
        headers: { 'idempotency-key': sku },
      });
    const accepted = new Set<string>();
    const refused = new Set<string>();
    const waiting = [...wanted];
    let killed = false;
    const sender = async () => {
      for (let sku = waiting.shift(); sku !== undefined; sku = waiting.shift()) {
        const { status } = await send(sku);
        expect([202, 503]).toContain(status);
        (status === 202 ? accepted : refused).add(sku);
        if (accepted.size >= 100 && !killed) {
          killed = true;
          const { pid } = JSON.parse(readFileSync(join(redis.dataDir, 'redis.json'), 'utf8'));
          process.kill(pid, 'SIGKILL');
        }
      }
    };
    await Promise.all([sender(), sender(), sender(), sender()]);
    await untilBack(api);
    const found = async () => {
      const skus: unknown[] = [];
      let cursor: string | null = null;
      do {
        const query = `queue=channel.${channel}&limit=200${cursor ? `&cursor=${cursor}` : ''}`;
        const page = await api.ok('GET', `/v1/items?${query}`);
        skus.push(...page.items.map((item) => item.data['sku']));
        cursor = page.nextCursor;
      } while (cursor !== null);
      return skus;
    };
    const there = await found();
    expect(refused.size).toBeGreaterThan(0);
    expect(new Set(there).size).toBe(there.length);
    expect(there).toEqual(expect.arrayContaining([...accepted]));
    for (const sku of refused) expect((await send(sku)).status).toBe(202);
    expect((await found()).sort()).toEqual([...wanted].sort());
  });
});
