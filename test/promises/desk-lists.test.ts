import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api } from '../support/api.js';
import { openBrowser, phone, scrollsSideways } from '../support/browser.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const browser = openBrowser();
let api: Api;
let shop: FarSide;
let operator: Person;
let admin: Person;
let acme: Person;
/** SKUs that the shop refuses. */
const refused = new Set<string>();
/** The failed head of channel 12. */
let head: number;

beforeAll(async () => {
  api = await Api.start(redis, { roles: ['api', 'worker'] });
  shop = await FarSide.start();
  shop.answer = ({ body }) =>
    refused.has(String(body.data['sku'] ?? body.data['orderNumber']))
      ? { status: 422, body: { detail: 'the price must not be negative' } }
      : { status: 200 };
  await api.put('channel', '12', shop.url, { client: 'cape', description: 'Cape Shopify' });
  await api.put('channel', '13', shop.url, { client: 'acme', description: 'Acme Shop' });
  await api.put('source', 'erp', shop.url, { client: 'cape', description: 'Cape ERP' });
  operator = await Person.of(api, { name: 'operator', role: 'operator' });
  admin = await Person.of(api, { name: 'admin', role: 'admin' });
  acme = await Person.of(api, { name: 'ann', role: 'operator', clients: ['acme'] });
  refused.add('TSH-RED-M');
  refused.add('SECRET-1');
  [head = 0] = await api.add('12', 'TSH-RED-M', 'B', 'C', 'D');
  await api.untilState(head, 'failed');
});

/** What a person reads on a page, without its tags. */
const read = async (person: Person, path: string) =>
  (await person.get(path)).text
    .replace(/^.*<main/s, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

describe('needs attention', () => {
  test('tells a blocked queue by its item, in plain words, with what waits behind it', async () => {
    const text = await read(operator, '/');
    expect(text).toContain('Add product to Cape Shopify · TSH-RED-M');
    expect(text).toContain('the price must not be negative');
    expect(text).toContain(`item ${head}`);
    expect(text).toContain('cape');
    expect(text).toContain('data');
    expect(text).toContain('3 product changes are stale, the oldest came');
  });

  test('says so when no worker runs, and only then', async () => {
    expect(await read(operator, '/')).not.toContain('No worker runs');
    const alone = await Api.start(redis);
    const person = await Person.of(alone, { name: 'operator', role: 'operator' });
    expect(await read(person, '/')).toContain('No worker runs');
    await alone.stop();
  });

  test('tells a paused queue with who did it and why, and what it keeps waiting by kind', async () => {
    await api.ok('POST', '/v1/queues/source.erp/pause', { reason: 'stock take' });
    const customer = (code: string, more: object = {}) =>
      api.ok('POST', '/v1/items', {
        instruction: 'sync_customer',
        source: 'erp',
        data: { code },
        ...more,
      });
    await customer('C1');
    await customer('C2');
    await customer('C3', { entity: { kind: 'order', key: '1001' } });
    const text = await read(operator, '/');
    expect(text).toContain('Cape ERP is paused');
    expect(text).toContain('key boot: stock take');
    expect(text).toContain('2 customer changes and 1 order are waiting, the oldest came');
    // The newest comes first.
    expect(text.indexOf('Cape ERP is paused')).toBeLessThan(text.indexOf('TSH-RED-M'));
  });

  test('shows nothing of another client, and says so when nothing is left', async () => {
    const text = await read(acme, '/');
    expect(text).toContain('Nothing needs you');
    for (const hidden of ['Cape', 'cape', 'TSH-RED-M', 'negative', `item ${head}`]) {
      expect(text).not.toContain(hidden);
    }
    for (const path of ['/queues/channel.12', '/queues/parallel', '/queues/channel.nowhere']) {
      expect((await acme.get(path)).status).toBe(404);
    }
    expect((await acme.post('/queues/channel.12/pause')).headers.location).toBe('/');
    expect((await api.ok('GET', '/v1/queues/channel.12'))['paused']).toBe(false);
    await acme.post(`/items/${head}/retry`);
    expect((await api.item(head)).state).toBe('failed');
  });

  test.each([
    ['client=cape', true],
    ['client=acme', false],
    ['cause=data', true],
    ['cause=connection', false],
    ['kind=blocked', true],
    ['kind=paused', false],
    ['text=NEGATIVE', true],
    ['text=tsh-red', true],
    ['text=add_product', true],
    ['text=elsewhere', false],
    ['cause=nonsense&page=-3', true],
  ])('filtered by %s shows the blocked item: %s', async (query, shown) => {
    expect((await read(operator, `/?${query}`)).includes('TSH-RED-M ')).toBe(shown);
  });

  test('keeps every failed item of the parallel queue apart: it stops nothing', async () => {
    await api.put('service', 'hub', shop.url);
    refused.add('1002');
    const { queueId } = await api.ok('POST', '/v1/items', {
      instruction: 'sync_fulfillment',
      data: { orderNumber: '1002' },
    });
    await api.untilState(queueId, 'failed');
    const text = await read(operator, '/?kind=failed');
    expect(text).toContain(`item ${queueId}`);
    expect(text).toContain('Nothing waits for it');
    expect(text).not.toContain('TSH-RED-M ');
    await api.ok('POST', `/v1/items/${queueId}/resolve`);
    expect(await read(operator, '/?kind=failed')).toContain('Nothing that fits');
  });
});

describe('the index of queues that stand', () => {
  const standing = () =>
    api.redis.zrange(api.keys.ours(api.keys.shards[0]!, 'standing'), '0', '-1');

  test('is put right by the sweeper when it was lost, or names a queue that runs', async () => {
    const key = api.keys.ours(api.keys.shards[0]!, 'standing');
    await api.redis.del(key);
    await api.redis.zadd(key, 1, 'channel.13');
    await until(
      'the sweeper to have been there',
      async () => {
        const names = await standing();
        return names.includes('channel.12') && !names.includes('channel.13');
      },
      25_000,
    );
  }, 30_000);
});

describe('what is counted by kind', () => {
  const kinds = async (queue: string) => {
    const facts = await api.redis.hgetall(api.keys.line(queue));
    return Object.fromEntries(Object.entries(facts).filter(([name]) => name.startsWith('open:')));
  };

  test('follows enqueue, success, skip, undo, edit and clear', async () => {
    await api.put('channel', 'k', shop.url, { client: 'cape' });
    refused.add('K1');
    const [k1, k2] = await api.add('k', 'K1', 'K2', 'K3');
    await api.untilState(k1, 'failed');
    expect(await kinds('channel.k')).toEqual({ 'open:sku': '3' });
    await api.ok('POST', '/v1/queues/channel.k/pause');
    await api.ok('POST', `/v1/items/${k1}/skip`, { reason: 'test' });
    expect(await kinds('channel.k')).toEqual({ 'open:sku': '2' });
    await api.ok('POST', `/v1/items/${k1}/undo-skip`);
    expect(await kinds('channel.k')).toEqual({ 'open:sku': '3' });
    refused.delete('K1');
    await api.ok('PATCH', `/v1/items/${k2}`, { data: { sku: 'K2B', title: 'K2B' } });
    expect(await kinds('channel.k')).toEqual({ 'open:sku': '3' });
    await api.ok('POST', '/v1/queues/channel.k/clear', { reason: 'test' });
    expect(await kinds('channel.k')).toEqual({});
    await api.ok('POST', '/v1/queues/channel.k/resume');
    const [last] = await api.add('k', 'K4');
    await api.untilState(last, 'completed');
    expect(await kinds('channel.k')).toEqual({});
  });

  test('is told as a plain number of items when it does not agree with the queue', async () => {
    await api.redis.hset(api.keys.line('channel.12'), 'open:sku', '40');
    expect(await read(operator, '/')).toContain('3 items are stale');
    await until(
      'the sweeper to count anew',
      async () => (await read(operator, '/')).includes('3 product changes are stale'),
      25_000,
    );
  }, 30_000);
});

describe('the queues page', () => {
  test('lists state, counts and pace, and finds by state, client and text', async () => {
    const all = await read(operator, '/queues');
    for (const each of ['Cape Shopify', 'Acme Shop', 'Cape ERP', 'Parallel items', 'blocked']) {
      expect(all).toContain(each);
    }
    const blocked = await read(operator, '/queues?state=blocked');
    expect(blocked).toContain('Cape Shopify');
    expect(blocked).not.toContain('Acme Shop');
    expect(await read(operator, '/queues?state=running')).not.toContain('Cape Shopify');
    expect(await read(operator, '/queues?text=ACME')).toContain('Acme Shop');
    expect(await read(operator, '/queues?client=acme')).not.toContain('Cape ERP');
    expect(await read(acme, '/queues')).not.toMatch(/Cape|cape|parallel/i);
  });

  test('a page of one queue shows what blocks it, what waits and what is done', async () => {
    const text = await read(operator, '/queues/channel.12');
    expect(text).toContain(`item ${head} · TSH-RED-M`);
    expect(text).toContain('3 product changes');
    for (const sku of ['B', 'C', 'D']) expect(text).toMatch(new RegExp(`Cape Shopify · +${sku} `));
    const done = await read(operator, '/queues/channel.k');
    expect(done).toContain('1 done');
    expect(done).toMatch(/0\.1 a minute/);
  });

  test('pauses and resumes; clearing is for admins, with a reason, and leaves the failed head', async () => {
    await operator.post('/queues/channel.12/pause', { reason: 'a look' });
    expect(await read(operator, '/queues/channel.12')).toContain('a look');
    await operator.post('/queues/channel.12/resume');
    expect((await api.ok('GET', '/v1/queues/channel.12')).state).toBe('blocked');
    expect(await read(operator, '/queues/channel.12')).not.toContain('Skip the 3 items');
    expect((await operator.post('/queues/channel.12/clear', { reason: 'x' })).status).toBe(403);
    expect(await read(admin, '/queues/channel.12')).toContain('Skip the 3 items waiting');
    await admin.post('/queues/channel.12/clear', {});
    expect((await api.ok('GET', '/v1/queues/channel.12')).counts['waiting']).toBe(3);
    await admin.post('/queues/channel.12/clear', { reason: 'season is over' });
    const { counts } = await api.ok('GET', '/v1/queues/channel.12');
    expect([counts['waiting'], counts['skipped'], counts['failed']]).toEqual([0, 3, 1]);
    expect(await read(admin, '/')).toContain('Nothing waits behind it');
  });
});

describe('in a real browser', () => {
  test('a row is walked to with j, retried with r, and goes by itself; the filter stays', async () => {
    const shown = await browser.page();
    await operator.enter(shown);
    const { page, trouble } = shown;
    await page.goto(`${api.url}/`);
    await page.selectOption('select[name=kind]', 'blocked');
    await page.waitForURL(/kind=blocked/);
    await page.keyboard.press('Escape');
    await page.locator('h1').click();
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('next row').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    expect(await page.evaluate('document.activeElement.textContent')).toContain('TSH-RED-M');
    // Another failure comes by itself, before the one that the cursor is on, which stays there.
    refused.add('LATE-1');
    await api.add('13', 'LATE-1', 'LATE-2');
    await page.getByText('LATE-1').first().waitFor({ timeout: 15_000 });
    expect(await page.evaluate('document.activeElement.textContent')).toContain('TSH-RED-M');
    refused.delete('TSH-RED-M');
    await page.keyboard.press('r');
    await page.getByText(`Item ${head} runs again, first of all`).waitFor();
    await page.locator(`[data-key="item-${head}"]`).waitFor({ state: 'detached', timeout: 15_000 });
    expect(page.url()).toContain('kind=blocked');
    await until('the cursor to be on the row in its place', async () =>
      String(await page.evaluate('document.activeElement.textContent')).includes('LATE-1'),
    );
    expect((await api.untilState(head, 'completed')).state).toBe('completed');
    expect(trouble).toEqual([]);
  }, 60_000);

  test('no list is wider than a phone', async () => {
    const shown = await browser.page(phone);
    await admin.enter(shown);
    for (const path of ['/', '/queues', '/queues/channel.13', '/queues/parallel']) {
      await shown.page.goto(api.url + path);
      expect([path, await scrollsSideways(shown.page)]).toEqual([path, false]);
    }
  });
});
