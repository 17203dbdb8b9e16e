import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api } from '../support/api.js';
import { hostileTexts, openBrowser, phone, scrollsSideways } from '../support/browser.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const browser = openBrowser();
let api: Api;
let operator: Person;
let viewer: Person;
let acme: Person;
let red: number;

beforeAll(async () => {
  api = await Api.start(redis, { roles: ['api', 'worker'], config: 'test/support/keep-two.yaml' });
  const shop = await FarSide.start();
  shop.answer = ({ body }) =>
    String(body.data['sku']).startsWith('TSH')
      ? { status: 422, body: { detail: 'the price must not be negative' } }
      : { status: 200 };
  await api.put('channel', '12', shop.url, { client: 'cape', description: 'Cape Shopify' });
  await api.put('channel', '13', shop.url, { client: 'acme', description: 'Acme Shop' });
  operator = await Person.of(api, { name: 'operator', role: 'operator' });
  viewer = await Person.of(api, { name: 'viewer' });
  acme = await Person.of(api, { name: 'ann', role: 'operator', clients: ['acme'] });
  [red = 0] = await api.add('12', 'TSH-RED-M', 'TSH-RED-L', 'MUG/1 ü');
  await api.untilState(red, 'failed');
});

const read = async (person: Person, path: string) =>
  (await person.get(path)).text
    .replace(/^.*<main/s, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

const search = (person: Person, text: string) =>
  read(person, `/search?q=${encodeURIComponent(text)}`);

const entity = (kind: string, key: string) => `/entities/${kind}/${encodeURIComponent(key)}`;

describe('one box', () => {
  test('leads straight to the item of a queue id', async () => {
    const answer = await operator.get(`/search?q=${red}`);
    expect([answer.status, answer.headers.location]).toEqual([303, `/items/${red}`]);
  });

  test('asks when the number is also that of an order', async () => {
    await api.ok('POST', '/v1/items', {
      instruction: 'set_channel_status',
      channel: '12',
      data: {},
      entity: { kind: 'order', key: String(red + 1) },
    });
    const text = await search(operator, String(red + 1));
    expect(text).toContain('The item of that queue id');
    expect(text).toContain(`order ${red + 1}`);
  });

  test.each([
    ['a SKU', 'TSH-RED-M', 'TSH-RED-M'],
    ['a SKU in small letters', 'tsh-red-m', 'TSH-RED-M'],
    ['how SKUs begin', 'tsh-', 'TSH-RED-L'],
    ['a SKU with its kind', 'sku:TSH-RED', 'TSH-RED-L'],
    ['a SKU with letters beyond ASCII', 'mug/1 ü', 'MUG/1 ü'],
    ['the text of an error', 'PRICE must not', 'Failed, newest first'],
    ['an instruction', 'add_product', 'Failed, newest first'],
    ['a channel by its name', 'cape shop', 'channel.12'],
    ['a channel by its id', 'channel.13', 'Acme Shop'],
  ])('finds by %s', async (_, text, expected) => {
    expect(await search(operator, text)).toContain(expected);
  });

  test('says what it looked through when there is nothing', async () => {
    const text = await search(operator, 'nowhere to be found');
    expect(text).toContain('Nothing found');
    expect(text).toContain('in the 1 newest failures');
  });

  test('finds nothing of another client, by whatever is asked', async () => {
    for (const text of [String(red), 'TSH', 'sku:TSH', 'negative', 'add_product', 'Cape', '12']) {
      const found = await search(acme, text);
      expect(found).not.toMatch(/TSH-RED|Cape Shopify|channel\.12/);
    }
    expect((await acme.get(entity('sku', 'TSH-RED-M'))).status).toBe(404);
  });

  test('forgets an entity with its last item, and follows one that an edit renames', async () => {
    const ids = await api.add('13', 'OLD-1', 'OLD-2', 'OLD-3', 'OLD-4');
    await api.untilState(ids[3], 'completed');
    const found = await search(operator, 'old-');
    expect(found).toContain('OLD-4');
    const entities = await api.redis.zrange(
      api.keys.ours(api.keys.shards[0]!, 'entities'),
      '0',
      '-1',
    );
    expect(entities.filter((one) => one.startsWith('old-'))).toHaveLength(2);
    await api.ok('PATCH', `/v1/items/${red + 1}`, { data: { sku: 'TSH-XL', title: 'XL' } });
    expect((await operator.get(entity('sku', 'TSH-RED-L'))).status).toBe(404);
    expect(await search(operator, 'tsh-x')).toContain('TSH-XL');
  });
});

describe('the page of an entity', () => {
  test('tells its story over all channels, with state and position', async () => {
    const [there] = await api.add('13', 'MUG/1 ü');
    await api.untilState(there, 'completed');
    const text = await read(operator, entity('sku', 'MUG/1 ü'));
    expect(text).toContain('Cape Shopify 1 waiting; nothing done yet');
    expect(text).toMatch(/Acme Shop last done/);
    expect(text).toContain('2 before it');
    expect(text.indexOf(String(red + 2))).toBeLessThan(text.indexOf(String(there)));
  });

  test('shows the rule that skips it, which an operator ends, and that is in the audit', async () => {
    await api.ok('POST', `/v1/items/${red}/skip`, {
      scope: 'entity-until-add',
      reason: 'wrong photos',
    });
    const path = entity('sku', 'TSH-RED-M');
    const rule = { queue: 'channel.12', client: 'cape' };
    const text = await read(operator, path);
    expect(text).toContain('everything new of TSH-RED-M is skipped until it is added anew');
    expect(text).toContain('wrong photos');
    expect(text).toContain('End this rule');
    expect(await read(viewer, path)).not.toContain('End this rule');
    expect((await viewer.post(`${path}/end-rule`, rule)).status).toBe(403);
    await acme.post(`${path}/end-rule`, rule);
    expect(await read(operator, path)).toContain('End this rule');
    await operator.post(`${path}/end-rule`, rule);
    expect(await read(operator, path)).not.toContain('End this rule');
    const { items } = await api.ok('GET', '/v1/audit');
    expect(items[0]).toMatchObject({
      action: 'end-rule',
      actor: 'user operator',
      queue: 'channel.12',
      entity: 'sku:TSH-RED-M',
    });
    const update = await api.ok('POST', '/v1/items', {
      instruction: 'update_product',
      channel: '12',
      data: { sku: 'TSH-RED-M' },
    });
    expect(update.state).not.toBe('skipped');
    const again = await operator.post(`${path}/end-rule`, rule);
    expect(again.status).toBe(303);
  });
});

test('what people name and write is text in every list, and no list is wider than a phone', async () => {
  for (const [n, text] of hostileTexts.entries()) {
    await api.put('channel', `x${n}`, undefined, { description: text });
    await api.ok('POST', `/v1/queues/channel.x${n}/pause`, { reason: text });
    await api.ok('POST', '/v1/items', {
      instruction: 'add_product',
      channel: `x${n}`,
      data: { sku: text, title: text },
    });
  }
  const shown = await browser.page(phone);
  await operator.enter(shown);
  const paths = [
    '/',
    '/queues',
    '/queues/channel.x0',
    ...hostileTexts.flatMap((text) => [
      `/search?q=${encodeURIComponent(text)}`,
      entity('sku', text),
      `/?text=${encodeURIComponent(text)}`,
    ]),
  ];
  for (const path of paths) {
    await shown.page.goto(api.url + path);
    expect([path, await shown.page.locator('main').isVisible()]).toEqual([path, true]);
    expect([path, await scrollsSideways(shown.page)]).toEqual([path, false]);
  }
  expect(shown.trouble).toEqual([]);
}, 60_000);
