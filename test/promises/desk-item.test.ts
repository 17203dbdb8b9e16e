import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api } from '../support/api.js';
import { hostileTexts } from '../support/browser.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
let api: Api;
let shop: FarSide;
let operator: Person;
let viewer: Person;
let stranger: Person;

beforeAll(async () => {
  api = await Api.start(redis, { roles: ['api', 'worker'] });
  shop = await FarSide.start();
  operator = await Person.of(api, { name: 'thandi', role: 'operator' });
  viewer = await Person.of(api, { name: 'vusi', role: 'viewer' });
  stranger = await Person.of(api, { name: 'acme-admin', role: 'admin', clients: ['acme'] });
});

let channels = 0;

/** A channel that refuses the first of these instructions, so that the others wait behind it. */
async function blocked(data: object, ...behind: [string, string][]) {
  channels += 1;
  const channel = `c${channels}`;
  const more = { client: 'cape', description: `Cape ${channels}` };
  await api.put('channel', channel, shop.url, more);
  shop.refuse('BAD');
  const item = (instruction: string, sku: string, extra: object = {}) => ({
    instruction,
    channel,
    data: { sku, title: sku, ...extra },
  });
  const items = [item('add_product', 'BAD', data), ...behind.map(([name, sku]) => item(name, sku))];
  const answer = await api.ok('POST', '/v1/items/batch', { items });
  const ids = answer.items.map(({ queueId }) => queueId);
  await api.untilState(ids[0], 'failed');
  return { channel, ids, id: ids[0] ?? 0 };
}

/** What the page says after an action, wherever that led to. */
const said = async (person: Person, answer: { headers: Record<string, unknown> }) => {
  const cookies = [answer.headers['set-cookie']].flat().map((one) => String(one).split(';')[0]);
  const cookie = [person.cookie, ...cookies].join('; ');
  return (await person.get(String(answer.headers['location']), { cookie })).text;
};

const field = (text: string, name: string) =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? '';

describe('the page of an item', () => {
  test('says in a sentence what the item does, and what stops it', async () => {
    const { id, ids } = await blocked({}, ['add_product', 'A'], ['add_product', 'B']);
    const failed = (await operator.get(`/items/${id}`)).text;
    expect(failed).toContain('2 wait behind it, and none starts before somebody deals with it.');
    expect(failed).toContain('BAD has no price');
    const waits = (await operator.get(`/items/${ids[2]}`)).text;
    expect(waits).toMatch(/Waits, \d before it; Cape \d+ is blocked by <a href="\/items\/\d+">/);
    expect(waits).toContain(`/items/${id}"`);
  });

  test('shows each attempt with what was answered, and links to all that belongs to it', async () => {
    const { id, channel } = await blocked({});
    await api.ok('POST', `/v1/items/${id}/retry`);
    await api.untilState(id, 'failed');
    const { text } = await viewer.get(`/items/${id}`);
    const attempts = text.slice(text.indexOf('<h2>Attempts'), text.indexOf('<h2>Data'));
    expect(attempts.match(/<strong>422 /g)).toHaveLength(2);
    expect(attempts.match(/POST to 127\.0\.0\.1:\d+</g)).toHaveLength(2);
    expect(attempts.match(/\d+ ms</g)).toHaveLength(2);
    for (const link of [
      `/queues/channel.${channel}`,
      '/entities/sku/BAD',
      `/board/items/${id}`,
      `/items/${id}/bundle`,
    ])
      expect(text).toContain(`href="${link}"`);
  });

  test('shows what was answered to the attempt that succeeded, in short and without secrets', async () => {
    const { id } = await blocked({});
    const result = { shopId: 'gid-4711', token: 'canary-answer', more: 'x'.repeat(400) };
    shop.answer = () => ({ status: 200, body: { result } });
    await api.ok('POST', `/v1/items/${id}/retry`);
    await api.untilState(id, 'completed');
    const { text } = await viewer.get(`/items/${id}`);
    const attempts = text.slice(text.indexOf('<h2>Attempts'), text.indexOf('<h2>Result'));
    expect(attempts).toContain('gid-4711');
    // Of the attempt that succeeded and of the one before it.
    expect(attempts.match(/POST to 127\.0\.0\.1:\d+</g)).toHaveLength(2);
    expect(attempts).not.toContain('x'.repeat(250));
    expect(text).not.toContain('canary-answer');
  });

  test('offers its verbs to operators, and none of them to viewers', async () => {
    const { id } = await blocked({});
    const verbs = ['/retry"', '/resolve"', '/skip"', '/edit"'];
    const [seen, others] = [await operator.get(`/items/${id}`), await viewer.get(`/items/${id}`)];
    for (const verb of verbs) {
      expect(seen.text).toContain(`/items/${id}${verb}`);
      expect(others.text).not.toContain(`/items/${id}${verb}`);
    }
  });

  test('does not exist for people of another client, and neither do its forms', async () => {
    const { id } = await blocked({});
    for (const path of ['', '/bundle', '/skip', '/edit'])
      expect((await stranger.get(`/items/${id}${path}`)).status).toBe(404);
    const data = JSON.stringify({ sku: 'BAD', title: 'stolen' });
    for (const [path, fields] of [
      ['retry', {}],
      ['resolve', {}],
      ['skip', { scope: 'item', reason: 'mine' }],
      ['undo-skip', {}],
      ['edit', { data, was: 'x' }],
      ['edit/confirm', { data, was: 'x', next: 'keep' }],
    ] as const) {
      const answer = await stranger.post(`/items/${id}/${path}`, fields, {
        accept: 'application/json',
      });
      expect([path, answer.status]).toEqual([path, 404]);
    }
    expect((await api.item(id)).state).toBe('failed');
  });

  test('shows text of others as text', async () => {
    const { id } = await blocked({ notes: hostileTexts, [hostileTexts[0] ?? '']: 1 });
    for (const path of ['', '/skip', '/edit']) {
      const { text } = await operator.get(`/items/${id}${path}`);
      for (const each of hostileTexts.slice(0, 8)) {
        if (each.includes('<')) expect(text).not.toContain(each);
      }
    }
  });
});

describe('secrets in the data', () => {
  const secrets = {
    password: 'hunter-2',
    nested: { apiKey: 'key-9f8e', card_number: '4111111111111111' },
    headers: [{ Authorization: 'Bearer abcdef0123456789' }],
    note: 'sent with password=hunter-3 to https://jo:hunter-4@shop.example',
  };
  const values = [
    'hunter-2',
    'key-9f8e',
    '4111111111111111',
    'abcdef0123456789',
    'hunter-3',
    'hunter-4',
  ];

  test('are masked on every page and in the support bundle', async () => {
    const { id } = await blocked(secrets);
    await api.ok('PATCH', `/v1/items/${id}`, {
      data: { sku: 'BAD', title: 'x', password: 'n3w-one' },
    });
    for (const path of ['', '/edit', '/skip', '/bundle']) {
      const { text, status } = await operator.get(`/items/${id}${path}`);
      expect(status).toBe(200);
      for (const value of [...values, 'n3w-one']) expect(text).not.toContain(value);
    }
  });

  test('stay as they are when something else is edited', async () => {
    const { id } = await blocked(secrets);
    const form = (await operator.get(`/items/${id}/edit`)).text;
    const was = field(form, 'was');
    const shown = JSON.parse(
      form.slice(form.indexOf('>{') + 1, form.indexOf('</textarea>')).replaceAll('&quot;', '"'),
    );
    const data = JSON.stringify({ ...shown, title: 'Better' });
    await operator.post(`/items/${id}/edit/confirm`, { data, was, next: 'keep' });
    expect((await api.item(id)).data).toEqual({ sku: 'BAD', ...secrets, title: 'Better' });
  });
});

describe('the support bundle', () => {
  test('is one file with what support asks for', async () => {
    const { id } = await blocked({ token: 'abc' }, ['add_product', 'A']);
    const answer = await viewer.get(`/items/${id}/bundle`);
    expect(answer.headers['content-disposition']).toContain(`andon-item-${id}.json`);
    expect(JSON.parse(answer.text)).toMatchObject({
      queueId: id,
      entity: 'sku:BAD',
      state: 'failed',
      error: { message: 'BAD has no price', status: 422 },
      attempts: [{ number: 1, status: 422, ms: expect.any(Number), fence: expect.any(String) }],
      data: { sku: 'BAD' },
      queue: { state: 'blocked', blockedBy: { queueId: id }, counts: { waiting: 1 } },
      versions: { andon: expect.any(String), bullmq: '6.7.0', node: process.version },
    });
  });
});

describe('edit and retry', () => {
  test('shows what changes before anything does, then runs the item with it, first of all', async () => {
    const { id, ids } = await blocked({ price: -5 }, ['add_product', 'A']);
    const was = field((await operator.get(`/items/${id}/edit`)).text, 'was');
    const data = JSON.stringify({ sku: 'BAD', title: 'BAD', price: 5, sold: true });
    const diff = await operator.post(`/items/${id}/edit`, { data, was });
    expect(diff.text).toMatch(/<code>price<\/code>.*<del>-5<\/del>.*<ins>5<\/ins>/s);
    expect(diff.text).toMatch(/<code>sold<\/code>.*not there.*<ins>true<\/ins>/s);
    expect(diff.text).not.toContain('<code>title</code>');
    expect((await api.item(id)).data).toMatchObject({ price: -5 });
    const from = shop.deliveries.length;
    shop.answer = () => ({ status: 200 });
    await operator.post(`/items/${id}/edit/confirm`, { data, was, next: 'retry' });
    await api.untilState(ids[1], 'completed');
    const sent = shop.deliveries.slice(from).map(({ body }) => [body.queueId, body.data['price']]);
    expect(sent).toEqual([
      [id, 5],
      [ids[1], undefined],
    ]);
    const { history } = await api.item(id);
    expect(history.slice(1)).toMatchObject([
      { action: 'edit', actor: 'user thandi' },
      { action: 'retry', actor: 'user thandi' },
    ]);
  });

  test.each([
    ['{"title": "no sku"}', '/data/sku'],
    ['{"sku": "BAD", "sku": "TWICE"}', 'sku'],
    ['{"sku": "BAD", "price": 1', '1:'],
    ['{"sku": "BAD", "price": 12345678901234567890}', '/price'],
    ['[1]', 'must be an object'],
    ['{"sku": "BAD", "title": "t", "x": "••••••"}', 'no secret was'],
  ])('tells what is wrong with %s, keeps what was typed, and changes nothing', async (data) => {
    const { id } = await blocked({});
    const before = await api.item(id);
    const was = field((await operator.get(`/items/${id}/edit`)).text, 'was');
    const answer = await operator.post(`/items/${id}/edit`, { data, was });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('role="alert"');
    expect(answer.text.replaceAll('&quot;', '"')).toContain(data);
    await operator.post(`/items/${id}/edit/confirm`, { data, was, next: 'retry' });
    expect(await api.item(id)).toEqual(before);
  });

  test('does not write over what somebody else changed meanwhile', async () => {
    const { id } = await blocked({});
    const was = field((await operator.get(`/items/${id}/edit`)).text, 'was');
    await api.ok('PATCH', `/v1/items/${id}`, { data: { sku: 'BAD', title: 'by another' } });
    const data = JSON.stringify({ sku: 'BAD', title: 'mine' });
    const answer = await operator.post(`/items/${id}/edit/confirm`, { data, was, next: 'keep' });
    expect(await said(operator, answer)).toContain('changed by somebody else');
    expect((await api.item(id)).data).toMatchObject({ title: 'by another' });
  });
});

describe('resolve', () => {
  test('keeps who put it right, under which reference and how', async () => {
    const { id } = await blocked({});
    const fields = { reference: 'INV-77', reason: 'typed in by hand' };
    const answer = await operator.post(`/items/${id}/resolve`, fields);
    expect(await said(operator, answer)).toContain('put right by hand, reference INV-77');
    expect(await api.item(id)).toMatchObject({
      state: 'resolved',
      outcome: { by: 'user thandi', ...fields },
    });
  });
});

describe('skip', () => {
  const behind: [string, string][] = [
    ['update_product', 'BAD'],
    ['add_product', 'OTHER'],
    ['add_image', 'BAD'],
    ['update_variant', 'BAD'],
  ];

  /** Only the channel's own items: an image needs an address. */
  const shirt = () => blocked({}, ...behind.filter(([name]) => name !== 'add_image'));

  test('tells of each scope how many go, what needs it and what runs next', async () => {
    const { id } = await shirt();
    const { text } = await operator.get(`/items/${id}/skip`);
    const [one = '', all = '', until = ''] = text.split('name="scope"').slice(1);
    expect(one).toContain('1 item goes');
    expect(one).toContain('2 items that stay queued need it');
    expect(one).toMatch(/Then \d+ Update product .* · BAD runs\./);
    expect(all).toContain('3 items go');
    expect(all).not.toContain('stay queued need it');
    expect(all).toMatch(/Then \d+ Add product .* · OTHER runs\./);
    expect(until).toContain('Later updates of it are skipped too');
  });

  test('says that a paused queue stays paused', async () => {
    const { id, channel } = await shirt();
    await api.ok('POST', `/v1/queues/channel.${channel}/pause`);
    const { text } = await operator.get(`/items/${id}/skip`);
    expect(text).toMatch(/Cape \d+ stays paused; when it is resumed, \d+ Update product/);
  });

  test('of an add demands a reason, whoever sends the form', async () => {
    const { id } = await shirt();
    expect((await operator.get(`/items/${id}/skip`)).text).toMatch(/<input[^>]*required[^>]*>/);
    const answer = await operator.post(`/items/${id}/skip`, { scope: 'item', reason: '  ' });
    expect(await said(operator, answer)).toContain('Say why it may be left');
    expect((await api.item(id)).state).toBe('failed');
  });

  test('of an update asks for none', async () => {
    const { id, channel } = await blocked({});
    await api.ok('POST', `/v1/items/${id}/resolve`);
    const [next] = (
      await api.ok('POST', '/v1/items/batch', {
        items: [{ instruction: 'update_product', channel, data: { sku: 'BAD' } }],
      })
    ).items;
    await api.untilState(next?.queueId, 'failed');
    await operator.post(`/items/${next?.queueId}/skip`, { scope: 'item' });
    expect((await api.item(next?.queueId ?? 0)).state).toBe('skipped');
  });

  test('is taken back whole by the button beside what was said, or on any of the items', async () => {
    for (const which of [0, 1]) {
      const { id, ids, channel } = await shirt();
      await api.ok('POST', `/v1/queues/channel.${channel}/pause`);
      const answer = await operator.post(`/items/${id}/skip`, { scope: 'entity', reason: 'old' });
      const states = () => Promise.all(ids.map(async (one) => String((await api.item(one)).state)));
      expect(await states()).toEqual(['skipped', 'skipped', 'waiting', 'skipped']);
      const page = await said(operator, answer);
      expect(page).toContain('3 items are skipped');
      expect(page.match(new RegExp(`action="/items/${id}/undo-skip"`, 'g'))).toHaveLength(2);
      expect(page).toContain('Undo the skip of all 3');
      const undone = await operator.post(`/items/${ids[which]}/undo-skip`);
      expect(await said(operator, undone)).toContain('all 3 items wait again');
      expect(await states()).toEqual(['waiting', 'waiting', 'waiting', 'waiting']);
      expect((await api.item(id)).position).toBe(0);
    }
  });

  test('is not taken back once something newer of it has run, and that is said', async () => {
    const { id, ids } = await shirt();
    shop.answer = () => ({ status: 200 });
    await operator.post(`/items/${id}/skip`, { scope: 'item', reason: 'old' });
    await api.untilState(ids[3], 'completed');
    const answer = await operator.post(`/items/${id}/undo-skip`);
    expect(await said(operator, answer)).toContain(`Item ${ids[1]} has run since item ${id}`);
    expect((await api.item(id)).state).toBe('skipped');
  });
});
