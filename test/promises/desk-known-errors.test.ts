import { beforeAll, describe, expect, test } from '@jest/globals';
import { formToken } from '../../src/accounts/sessions.js';
import { adviceFor, shippedErrors } from '../../src/incidents/known-errors.js';
import { loadCatalogue } from '../../src/instructions/catalogue.js';
import { Api } from '../support/api.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
let api: Api;
let shop: FarSide;
let admin: Person;
let operator: Person;
let capeAdmin: Person;

beforeAll(async () => {
  api = await Api.start(redis, { roles: ['api', 'worker'] });
  shop = await FarSide.start();
  admin = await Person.of(api, { name: 'admin', role: 'admin' });
  operator = await Person.of(api, { name: 'thandi', role: 'operator' });
  capeAdmin = await Person.of(api, { name: 'cape-admin', role: 'admin', clients: ['cape'] });
});

let channels = 0;
async function failed(detail: string, instruction = 'add_product', status = 422) {
  channels += 1;
  await api.put('channel', `k${channels}`, shop.url, { client: 'cape' });
  shop.answer = () => ({ status, body: { detail } });
  const { queueId } = await api.ok('POST', '/v1/items', {
    instruction,
    channel: `k${channels}`,
    data: { sku: 'SHIRT', title: 'Shirt' },
  });
  await api.untilState(queueId, 'failed');
  shop.answer = () => ({ status: 200 });
  return queueId;
}

describe('the shipped book', () => {
  const entries = shippedErrors();

  test('has entries enough, each under a name of its own and about what there is', () => {
    expect(entries.length).toBeGreaterThanOrEqual(15);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
    const instructions = entries.flatMap(({ instruction }) => instruction);
    expect(loadCatalogue().strangers(instructions, 'the book')).toEqual([]);
    const connectors = new Set(['http', 'module', 'email', 'webhook', 'demo']);
    expect(
      entries.flatMap(({ connector }) => connector).filter((one) => !connectors.has(one)),
    ).toEqual([]);
  });

  const cases: [string, string, string, number | undefined, string | undefined][] = [
    [
      'connect ECONNREFUSED 10.0.0.7:443',
      'update_product',
      'http',
      undefined,
      'connection-refused',
    ],
    ['Invalid or duplicated SKU.', 'add_product', 'http', 400, 'duplicate-sku'],
    ['product "A" has a negative price (-5)', 'add_product', 'demo', 422, 'price-is-wrong'],
    ['No product found to update in channel', 'update_variant', 'http', 404, 'product-not-found'],
    ['the shop answered 401', 'sync_product', 'http', 401, 'credentials-refused'],
    ['Shirt A-4015 is too long', 'add_product', 'http', 422, undefined],
    ['Posting period is closed', 'add_order', 'http', 400, 'closed-period'],
    ['550 5.1.1 user unknown', 'send_email', 'email', undefined, 'mailbox-refused'],
    ['x is not a function', 'add_product', 'module', undefined, 'module-broken'],
    ['x is not a function', 'add_product', 'http', undefined, undefined],
    ['the product is purple', 'add_product', 'http', undefined, undefined],
  ];
  test.each(cases)(
    'of "%s" of %s at %s (%s) it says %s',
    (message, instruction, connector, status, id) => {
      expect(adviceFor(entries, { message, instruction, connector, status })?.id).toBe(id);
    },
  );

  test('is looked through in no time, however an entry and an error are written', () => {
    const [entry] = entries;
    const hostile = [{ ...entry!, text: [`${'a*'.repeat(90)}b`] }];
    const from = process.cpuUsage();
    adviceFor(hostile, { message: 'a'.repeat(100_000), instruction: 'x', connector: null });
    expect(process.cpuUsage(from).user / 1_000).toBeLessThan(500);
  });
});

describe('the advice', () => {
  test('stands beside the failure, on the item and in its cluster', async () => {
    const id = await failed('product SHIRT has no price');
    const page = (await operator.get(`/items/${id}`)).text;
    expect(page).toContain('The price in the item is missing, negative or no number.');
    expect(page).toContain('Whoever looks after products');
    const clusters = (await operator.get('/clusters')).text;
    expect(clusters).toContain('Edit and retry: The price in the item is missing');
  });

  test('is counted when it was followed, and as one that worked once the item is done', async () => {
    const entry = async () =>
      /worked (\d+) of (\d+) times|not tried yet/.exec(
        (await admin.get('/known-errors/not-permitted')).text,
      );
    expect((await entry())?.[0]).toBe('not tried yet');
    const ids = [];
    for (let n = 0; n < 3; n += 1) ids.push(await failed('Forbidden', 'update_product', 403));
    const [first, second, third] = ids;
    await operator.post(`/items/${first}/retry`);
    await api.untilState(first, 'completed');
    shop.answer = () => ({ status: 403, body: { detail: 'Forbidden' } });
    await operator.post(`/items/${second}/retry`);
    await until('it to fail again', async () => {
      const item = await api.item(second ?? 0);
      return item.state === 'failed' && item['attempts'] === 2;
    });
    // Another verb than the advised one says nothing about the advice.
    await operator.post(`/items/${third}/resolve`);
    expect((await entry())?.slice(1)).toEqual(['1', '2']);
    expect((await entry())?.slice(1)).toEqual(['1', '2']);
  });
});

/** Retry, pressed on Bull Board. */
async function onBoard(id: number): Promise<void> {
  const { headers } = await operator.get(`/board/items/${id}`);
  const path = String(headers.location).replace('/board/queue/', '/board/api/queues/');
  const own = {
    cookie: operator.cookie,
    origin: api.url,
    accept: 'application/json',
    'x-andon-token': formToken(operator.secret),
  };
  const { status } = await api.call('PUT', `${path}/retry`, { key: null, headers: own });
  expect(status).toBe(200);
}

describe('advice that is followed', () => {
  const timesOf = async (id: string) =>
    Number(
      /worked \d+ of (\d+) times/.exec((await admin.get(`/known-errors/${id}`)).text)?.[1] ?? 0,
    );

  test.each<[string, (id: number) => Promise<unknown>]>([
    ['the API', (id) => api.ok('POST', `/v1/items/${id}/retry`)],
    ['the API in bulk', () => api.ok('POST', '/v1/items/retry', { error: '401 unauthorized' })],
    ['Bull Board', async (id) => onBoard(id)],
  ])('counts through %s as it does at the desk', async (_, retry) => {
    const before = await timesOf('credentials-refused');
    await retry(await failed('401 unauthorized', 'update_product', 401));
    expect(await timesOf('credentials-refused')).toBe(before + 1);
  });

  test('counts as "edit and retry" when the data was changed since it failed', async () => {
    const before = await timesOf('price-is-wrong');
    const id = await failed('product SHIRT has no price');
    await api.ok('POST', `/v1/items/${id}/retry`); // as it is: that is not what is advised
    await api.untilState(id, 'completed');
    const other = await failed('product SHIRT has no price');
    await api.ok('PATCH', `/v1/items/${other}`, { data: { sku: 'SHIRT', title: 'S', price: 5 } });
    expect(await timesOf('price-is-wrong')).toBe(before);
    await api.ok('POST', `/v1/items/${other}/retry`);
    expect(await timesOf('price-is-wrong')).toBe(before + 1);
  });
});

describe('the book in the console', () => {
  const fields = {
    id: 'purple',
    text: 'is purple\nis * violet',
    instruction: 'add_product, update_product',
    connector: '',
    cause: 'The shop takes no purple things.',
    todo: 'Paint it.',
    verb: 'edit',
    who: 'The painter',
  };

  test('takes new entries of admins, and writes down who wrote them', async () => {
    const id = await failed('this is very violet');
    expect((await operator.get(`/items/${id}`)).text).not.toContain('takes no purple things');
    await admin.post('/known-errors', { ...fields, isNew: 'yes' });
    expect((await operator.get(`/items/${id}`)).text).toContain('takes no purple things');
    expect((await admin.get('/audit?action=create')).text).toContain('user admin');
    const again = await admin.post('/known-errors', { ...fields, isNew: 'yes', cause: 'Other.' });
    expect(again.headers.location).not.toBe('/known-errors/purple');
    await admin.post('/known-errors/purple/remove');
    expect((await operator.get(`/items/${id}`)).text).not.toContain('takes no purple things');
  });

  test('changes and takes out shipped ones, and can have them back', async () => {
    const path = '/known-errors/already-deleted';
    const shipped = shippedErrors().find(({ id }) => id === 'already-deleted');
    await admin.post('/known-errors', { ...fields, id: 'already-deleted', text: 'gone' });
    expect((await operator.get(path)).text).toContain('Paint it.');
    await admin.post(`${path}/remove`);
    const id = await failed('it does not exist', 'delete_product');
    expect((await operator.get(`/items/${id}`)).text).not.toContain(shipped?.cause);
    await admin.post(`${path}/restore`);
    expect((await operator.get(`/items/${id}`)).text).toContain(shipped?.cause);
    const lines = (await api.ok('GET', '/v1/audit?limit=200')).items
      .filter((line) => line['knownError'] === 'already-deleted')
      .map(({ actor, action, before, after }) => ({ actor, action, before, after }));
    const painted = expect.objectContaining({ todo: 'Paint it.' });
    const asShipped = expect.objectContaining({ cause: shipped?.cause });
    const actor = 'user admin';
    expect(lines).toEqual([
      { actor, action: 'restore', before: expect.anything(), after: asShipped },
      { actor, action: 'delete', before: painted, after: undefined },
      { actor, action: 'change', before: asShipped, after: painted },
    ]);
  });

  test('tells what is wrong with an entry, and keeps none of it', async () => {
    for (const wrong of [
      { text: ' ' },
      { instruction: 'ad_product' },
      { id: 'Ünïque' },
      { verb: 'x' },
    ]) {
      await admin.post('/known-errors', { ...fields, id: 'wrong-one', ...wrong, isNew: 'yes' });
    }
    expect((await admin.get('/known-errors')).text).not.toContain('wrong-one');
  });

  test('is for admins of all clients to write, and for everybody to read', async () => {
    expect((await capeAdmin.get('/known-errors')).status).toBe(200);
    for (const person of [operator, capeAdmin]) {
      expect((await person.post('/known-errors', { ...fields, isNew: 'yes' })).status).toBe(403);
    }
  });
});
