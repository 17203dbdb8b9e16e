import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Api, type CallOptions, product } from '../support/api.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const api = await Api.start(redis);

interface Refusal {
  readonly status: number;
  readonly type: string;
  /** What one of `errors[]` points at; null where nothing in the body is to blame. */
  readonly at: string | null;
}

const invalid = (at: string, status = 422): Refusal => ({ status, type: 'invalid-input', at });
const badJson = (at: string): Refusal => ({ status: 400, type: 'bad-json', at });
const notJson: Refusal = { status: 415, type: 'unsupported-media-type', at: null };
const tooLarge: Refusal = { status: 413, type: 'too-large', at: null };

/** The call is refused as expected, in the one form of all refusals, and Redis is as it was. */
async function expectRefusal(
  method: string,
  path: string,
  options: CallOptions,
  { status, type, at }: Refusal,
): Promise<void> {
  const before = await api.dump();
  const answer = await api.call(method, path, options);
  expect(answer).toMatchObject({ status, body: { status, type: `/problems/${type}` } });
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json\b/);
  expect(answer.body.requestId).toBe(answer.headers['x-request-id']);
  expect(answer.body.detail).toMatch(/\S/);
  if (at !== null) expect(answer.body.errors.map(({ pointer }) => pointer)).toContain(at);
  expect(await api.dump()).toEqual(before);
}

const item = (more: object = {}) => ({ ...product('12', 'A'), ...more });
const withData = (data: object) => item({ data: { sku: 'A', title: 'A', ...data } });
/** The item as JSON text, with `data` as it is written here. */
const rawItem = (data: string) => `{"instruction":"add_product","channel":"12","data":${data}}`;
/** Nothing can be compared with its length: `npm run faults -- --fuzz 100000 --seed 7`, number 38658. */
const unmeasurable = { length: { toString: 1 } };
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const MIB = 1024 * 1024;

let waiting = 0;
beforeAll(async () => {
  // On a machine that is busy the first call may find Redis too slow for an answer (503).
  await until('the channel is there', async () => {
    await api.put('channel', '12', undefined, { client: 'cape' });
    return true;
  });
  await api.put('source', 's1');
  await api.put('service', 'email');
  [waiting = 0] = await api.add('12', 'WAITS');
});

describe('P10: bad input gets a clear answer and leaves no trace', () => {
  test('what the refusals below differ from is accepted', async () => {
    expect(await api.call('POST', '/v1/items', { body: item() })).toMatchObject({ status: 202 });
  });

  test.each<[string, object | unknown[] | null | string | number, Refusal]>([
    ['an unknown instruction', item({ instruction: 'add_prodct' }), invalid('/instruction')],
    ['no instruction', item({ instruction: undefined }), invalid('/instruction')],
    [
      'the name of a built-in for an instruction',
      item({ instruction: 'constructor' }),
      invalid('/instruction'),
    ],
    ['no target', item({ channel: undefined }), invalid('/channel')],
    ['a source for a channel', item({ channel: undefined, source: 's1' }), invalid('/channel')],
    ['a channel for a source', { instruction: 'sync_products', channel: '12' }, invalid('/source')],
    ['a channel nobody registered', item({ channel: '13' }), invalid('/channel')],
    ['a second target nobody registered', item({ source: 's2' }), invalid('/source')],
    [
      'a service nobody registered',
      { instruction: 'sync_fulfillment', data: { orderNumber: '1' } },
      invalid('/instruction'),
    ],
    ['a client that is not the channel’s', item({ client: 'rand' }), invalid('/client')],
    [
      'data without what the instruction needs',
      item({ data: { sku: 'A' } }),
      invalid('/data/title'),
    ],
    ['data of the wrong kind', item({ data: { sku: 1, title: 'A' } }), invalid('/data/sku')],
    ['an empty SKU', withData({ sku: ' ' }), invalid('/data/sku')],
    ['no data', item({ data: undefined }), invalid('/data/sku')],
    ['data that is a list', item({ data: [] }), invalid('/data')],
    ['data that is null', item({ data: null }), invalid('/data')],
    [
      'a mail without words',
      { instruction: 'send_email', data: { to: 'a@b.c', subject: 'S' } },
      invalid('/data/text'),
    ],
    ['an id with a colon', item({ channel: '1:2' }), invalid('/channel')],
    ['an id with a brace', item({ channel: '{12}' }), invalid('/channel')],
    ['an id with a line break', item({ channel: '12\n' }), invalid('/channel')],
    ['an id of 65 characters', item({ channel: 'x'.repeat(65) }), invalid('/channel')],
    ['an id that is a number', item({ channel: 12 }), invalid('/channel')],
    ['a field that there is not', item({ priority: 1 }), invalid('/priority')],
    ['a field to be escaped', item({ 'a/b~c': 1 }), invalid('/a~1b~0c')],
    ['an entity without key', item({ entity: { kind: 'sku' } }), invalid('/entity/key')],
    [
      'an entity kind with a colon',
      item({ entity: { kind: 'a:b', key: 'c' } }),
      invalid('/entity/kind'),
    ],
    ['a title with a line break', item({ title: 'a\nb' }), invalid('/title')],
    ['a title of 201 characters', item({ title: 'x'.repeat(201) }), invalid('/title')],
    ['a title that cannot be measured', item({ title: unmeasurable }), invalid('')],
    ['a SKU that cannot be measured', withData({ sku: unmeasurable }), invalid('/data')],
    ['a list', [item()], invalid('')],
    ['null', null, invalid('')],
    ['a text', 'add_product', invalid('')],
    ['a number', 42, invalid('')],
  ])('%s', (_, body, refusal) => expectRefusal('POST', '/v1/items', { body }, refusal));

  test.each<[string, string | Uint8Array, Refusal]>([
    ['an empty body', '', badJson('')],
    ['a body of blanks', ' \n', badJson('')],
    ['half a body', rawItem('{"sku":"A"').slice(0, -2), badJson('/data/sku')],
    ['something else than JSON', 'sku=A&title=B', badJson('')],
    ['a byte order mark', `\ufeff${rawItem('{}')}`, badJson('')],
    ['a key twice', rawItem('{"sku":"A","title":"B","sku":"C"}'), badJson('/data/sku')],
    [
      'a key twice, once escaped',
      rawItem('{"sku":"A","title":"B","\\u0073ku":"C"}'),
      badJson('/data/sku'),
    ],
    [
      'the instruction twice',
      '{"instruction":"add_product","instruction":"clear_channel"}',
      badJson('/instruction'),
    ],
    ['invalid UTF-8', Buffer.from(rawItem('{"sku":"A","title":"\xff"}'), 'latin1'), badJson('')],
    ['half a character', rawItem('{"sku":"A","title":"\\ud83d"}'), badJson('/data/title')],
    ['a NUL', rawItem('{"sku":"A\\u0000","title":"B"}'), badJson('/data/sku')],
    ['a depth of 33', rawItem(`{"x":${nested(31)}}`), badJson(`/data/x${'/0'.repeat(30)}`)],
    ['a depth of 100,000', nested(100_000), badJson('/0'.repeat(32))],
    [
      'a number that loses digits',
      rawItem('{"sku":"A","title":"B","id":9007199254740993}'),
      badJson('/data/id'),
    ],
    [
      'a number beyond all bounds',
      rawItem('{"sku":"A","title":"B","price":1e999}'),
      badJson('/data/price'),
    ],
    [
      '__proto__',
      rawItem('{"sku":"A","title":"B","__proto__":{"admin":true}}'),
      badJson('/data/__proto__'),
    ],
    [
      '__proto__, escaped',
      rawItem('{"sku":"A","title":"B","\\u005f_proto__":{}}'),
      badJson('/data/__proto__'),
    ],
    ['a second value', `${rawItem('{"sku":"A","title":"B"}')}{}`, badJson('')],
    ['more than 1 MiB', JSON.stringify(withData({ text: 'x'.repeat(MIB) })), tooLarge],
  ])('%s', (_, raw, refusal) => expectRefusal('POST', '/v1/items', { raw }, refusal));

  test.each<[string, CallOptions['headers'], Refusal]>([
    ['no content type', { 'content-type': undefined }, notJson],
    ['plain text', { 'content-type': 'text/plain' }, notJson],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, notJson],
    ['another character set', { 'content-type': 'application/json; charset=latin1' }, notJson],
    ['a content type twice', { 'content-type': ['application/json', 'text/plain'] }, notJson],
    [
      'the same content type twice',
      { 'content-type': ['application/json', 'application/json'] },
      notJson,
    ],
    ['an empty idempotency key', { 'idempotency-key': '' }, invalid('', 400)],
    ['an idempotency key with a blank', { 'idempotency-key': 'a b' }, invalid('', 400)],
    [
      'an idempotency key of 256 characters',
      { 'idempotency-key': 'x'.repeat(256) },
      invalid('', 400),
    ],
    ['an idempotency key that is not ASCII', { 'idempotency-key': 'é' }, invalid('', 400)],
    ['two idempotency keys', { 'idempotency-key': ['a', 'b'] }, invalid('', 400)],
  ])('%s', (_, headers, refusal) =>
    expectRefusal('POST', '/v1/items', { body: item(), headers }, refusal),
  );

  test('a compressed body', () =>
    expectRefusal(
      'POST',
      '/v1/items',
      { raw: gzipSync(JSON.stringify(item())), headers: { 'content-encoding': 'gzip' } },
      notJson,
    ));

  test('a body that turns out too large only while it comes', () =>
    expectRefusal(
      'POST',
      '/v1/items',
      {
        raw: JSON.stringify(withData({ text: 'x'.repeat(4 * MIB) })),
        headers: { 'transfer-encoding': 'chunked' },
      },
      tooLarge,
    ));

  test.each<[string, CallOptions, Refusal]>([
    ['no item', { body: { items: [] } }, invalid('/items')],
    ['1,001 items', { body: { items: Array(1001).fill(item()) } }, invalid('/items')],
    ['no list', { body: {} }, invalid('/items')],
    [
      'a bad item among good ones',
      { body: { items: [item(), withData({ title: '' }), item()] } },
      invalid('/items/1/data/title'),
    ],
    [
      'an unknown instruction at the end',
      { body: { items: [item(), item(), item({ instruction: 'x' })] } },
      invalid('/items/2/instruction'),
    ],
    [
      'an unknown channel in the middle',
      { body: { items: [item(), item({ channel: '13' }), item()] } },
      invalid('/items/1/channel'),
    ],
    [
      'a field too many in one',
      { body: { items: [item(), item({ x: 1 })] } },
      invalid('/items/1/x'),
    ],
    [
      'a doubled key in one',
      { raw: `{"items":[${JSON.stringify(item())},${rawItem('{"sku":1,"sku":2}')}]}` },
      badJson('/items/1/data/sku'),
    ],
    [
      'a bad idempotency key of one',
      { body: { items: [item(), item({ idempotencyKey: 'a b' })] } },
      invalid('/items/1/idempotencyKey'),
    ],
    [
      'one idempotency key for two different items',
      {
        body: {
          items: [
            item({ idempotencyKey: 'k' }),
            withData({ title: 'B' }),
            { ...withData({ title: 'C' }), idempotencyKey: 'k' },
          ],
        },
      },
      { status: 422, type: 'idempotency-key-reused', at: '/items/2' },
    ],
    ['items that cannot be measured', { body: { items: unmeasurable } }, invalid('')],
    [
      'more than 10 MiB',
      { raw: `{"items":[${rawItem(`{"text":"${'x'.repeat(10 * MIB)}"}`)}]}` },
      tooLarge,
    ],
  ])('a batch with %s', (_, options, refusal) =>
    expectRefusal('POST', '/v1/items/batch', options, refusal),
  );

  test('a batch with several bad items says all that is wrong', async () => {
    const items = [item({ channel: '13' }), item(), item({ data: {} })];
    const { body } = await api.call('POST', '/v1/items/batch', { body: { items } });
    expect(body.errors.map(({ pointer }) => pointer)).toEqual([
      '/items/0/channel',
      '/items/2/data/sku',
      '/items/2/data/title',
    ]);
  });

  test.each<[string, string, Refusal]>([
    ['a queue id that is a word', '/v1/items/abc', invalid('/queueId')],
    ['queue id 0', '/v1/items/0', invalid('/queueId')],
    ['a negative queue id', '/v1/items/-1', invalid('/queueId')],
    ['a queue id with a fraction', '/v1/items/1.5', invalid('/queueId')],
    ['a queue id in hexadecimal', '/v1/items/0x10', invalid('/queueId')],
    ['a queue id beyond all bounds', '/v1/items/99999999999999999999', invalid('/queueId')],
    ['a queue id with a line break', '/v1/items/1%0a', invalid('/queueId')],
    [
      'a path that is not UTF-8',
      '/v1/items/%E0%A4%A',
      { status: 400, type: 'bad-request', at: null },
    ],
    ['an item that there is not', '/v1/items/999999', { status: 404, type: 'not-found', at: null }],
    [
      'an item in another program’s range',
      '/v1/items/7000000001',
      { status: 404, type: 'not-found', at: null },
    ],
    ['a state that there is not', '/v1/items?state=broken', invalid('/state')],
    ['two states', '/v1/items?state=failed&state=waiting', invalid('/state')],
    ['a filter that there is not', '/v1/items?colour=red', invalid('/colour')],
    ['an entity without kind', '/v1/items?entity=TSH', invalid('/entity')],
    ['a time that is none', '/v1/items?since=yesterday', invalid('/since')],
    ['a queue name that is none', '/v1/items?queue=12', invalid('/queue')],
    ['a limit of 0', '/v1/items?limit=0', invalid('/limit')],
    ['a limit of 201', '/v1/items?limit=201', invalid('/limit')],
    ['a limit that is a word', '/v1/items?limit=all', invalid('/limit')],
    ['a bad cursor of items', '/v1/items?cursor=next', invalid('/cursor')],
    ['a bad cursor of queues', '/v1/queues?cursor=next', invalid('/cursor')],
    ['a bad cursor of channels', '/v1/channels?cursor=a%3Ab', invalid('/cursor')],
    ['a bad cursor of the audit', '/v1/audit?cursor=next', invalid('/cursor')],
    ['a cursor before the audit', '/v1/audit?cursor=0-0', invalid('/cursor')],
    ['a queue name with a brace', '/v1/queues/channel.%7B12%7D', invalid('/name')],
    [
      'a queue that there is not',
      '/v1/queues/channel.13',
      { status: 404, type: 'not-found', at: null },
    ],
    ['a path that there is not', '/v1/itmes', { status: 404, type: 'not-found', at: null }],
  ])('%s', (_, path, refusal) => expectRefusal('GET', path, {}, refusal));

  test.each([
    ['DELETE', '/v1/items/1', 'GET, HEAD, PATCH'],
    ['PATCH', '/v1/channels/12', 'DELETE, GET, HEAD, PUT'],
    ['POST', '/v1/channels/12/', 'DELETE, GET, HEAD, PUT'],
    ['GET', '/v1/items/1/retry', 'POST'],
    ['PUT', '/v1/items/batch', 'GET, HEAD, PATCH, POST'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['PUT', '/openapi.json', 'GET, HEAD'],
  ])('%s %s is told what this path takes', async (method, path, allow) => {
    const { status, headers, body } = await api.call(method, path);
    expect([status, headers['allow']]).toEqual([405, allow]);
    expect(body).toMatchObject({
      type: '/problems/method-not-allowed',
      detail: `${path} takes ${allow}, not ${method}; see /docs`,
    });
    const asked = await api.call('OPTIONS', path);
    expect(asked.headers['allow']).toBe(allow);
  });

  const connector = { type: 'http', url: 'http://127.0.0.1:9/' };
  test.each<[string, string, string, object, Refusal]>([
    [
      'an id with a colon',
      'PUT',
      '/v1/channels/a:b',
      { description: 'D', connector },
      invalid('/id'),
    ],
    [
      'an id with a brace',
      'PUT',
      '/v1/channels/a%7Bb',
      { description: 'D', connector },
      invalid('/id'),
    ],
    ['no description', 'PUT', '/v1/channels/c', { connector }, invalid('/description')],
    ['no connector', 'PUT', '/v1/channels/c', { description: 'D' }, invalid('/connector')],
    [
      'an unknown connector',
      'PUT',
      '/v1/channels/c',
      { description: 'D', connector: { type: 'ftp' } },
      invalid('/connector/type'),
    ],
    [
      'a connector without address',
      'PUT',
      '/v1/channels/c',
      { description: 'D', connector: { type: 'http' } },
      invalid('/connector/url'),
    ],
    [
      'the address of a cloud’s metadata',
      'PUT',
      '/v1/channels/c',
      { description: 'D', connector: { type: 'http', url: 'http://169.254.169.254/' } },
      invalid('/connector/url'),
    ],
    [
      'a setting that there is not',
      'PUT',
      '/v1/channels/c',
      { description: 'D', connector: { ...connector, uri: 'x' } },
      invalid('/connector/uri'),
    ],
    [
      'a field that there is not',
      'PUT',
      '/v1/channels/c',
      { description: 'D', connector, colour: 'red' },
      invalid('/colour'),
    ],
    [
      'no attempts',
      'PUT',
      '/v1/channels/c',
      { description: 'D', connector, retry: { attempts: 0 } },
      invalid('/retry/attempts'),
    ],
    [
      'a record link that runs scripts',
      'PUT',
      '/v1/channels/c',
      { description: 'D', connector, recordUrl: 'javascript:alert(1)' },
      invalid('/recordUrl'),
    ],
    [
      'a scope of a skip that there is not',
      'POST',
      '/v1/items/1/skip',
      { scope: 'all' },
      invalid('/scope'),
    ],
    [
      'an end for a skip that has none',
      'POST',
      '/v1/items/1/skip',
      { until: '2030-01-01T00:00:00Z' },
      invalid('/until'),
    ],
    [
      'a reason without end',
      'POST',
      '/v1/items/1/skip',
      { reason: 'x'.repeat(1001) },
      invalid('/reason'),
    ],
    [
      'a field of resolve that there is not',
      'POST',
      '/v1/items/1/resolve',
      { ref: 'x' },
      invalid('/ref'),
    ],
    ['a bulk retry of nothing in particular', 'POST', '/v1/items/retry', {}, invalid('')],
    [
      'a bulk retry of what has not failed',
      'POST',
      '/v1/items/retry',
      { state: 'waiting' },
      invalid('/state'),
    ],
    [
      'a canary of none',
      'POST',
      '/v1/items/retry',
      { queue: 'channel.12', canary: 0 },
      invalid('/canary'),
    ],
    [
      'a bulk skip with a bad scope',
      'POST',
      '/v1/items/skip',
      { queue: 'channel.12', scope: 'x' },
      invalid('/scope'),
    ],
    ['a clear without a reason', 'POST', '/v1/queues/channel.12/clear', {}, invalid('/reason')],
    [
      'a pause with a field too many',
      'POST',
      '/v1/queues/channel.12/pause',
      { why: 'x' },
      invalid('/why'),
    ],
    [
      'a key with a scope that there is not',
      'POST',
      '/v1/keys',
      { scopes: ['read', 'root'] },
      invalid('/scopes/1'),
    ],
    ['a key without scopes', 'POST', '/v1/keys', { scopes: [] }, invalid('/scopes')],
  ])('%s', (_, method, path, body, refusal) => expectRefusal(method, path, { body }, refusal));

  test('an edit that leaves out what the instruction needs', () =>
    expectRefusal(
      'PATCH',
      `/v1/items/${waiting}`,
      { body: { data: { sku: 'A' } } },
      invalid('/data/title'),
    ));

  test('nobody unknown gets as far as having a body read', () =>
    expectRefusal(
      'POST',
      '/v1/items/batch',
      { raw: 'x'.repeat(11 * MIB), key: null },
      { status: 401, type: 'unauthorized', at: null },
    ));
});

describe('P10: what is accepted is what is stored', () => {
  test('a depth of 32, and bodies of up to 1 MiB and 10 MiB', async () => {
    const deep = await api.call('POST', '/v1/items', {
      raw: rawItem(`{"sku":"A","title":"B","x":${nested(30)}}`),
    });
    expect(deep.status).toBe(202);
    const text = 'x'.repeat(MIB - 200);
    const large = await api.ok('POST', '/v1/items', withData({ text }));
    expect((await api.item(large.queueId)).data['text']).toBe(text);
    const items = Array.from({ length: 9 }, () => withData({ text }));
    expect((await api.ok('POST', '/v1/items/batch', { items })).items).toHaveLength(9);
  });

  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  /** Mostly good, so that much is accepted; sometimes not. */
  const mostly = <T>(good: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
    fc.oneof({ arbitrary: good, weight: 9 }, { arbitrary: other, weight: 1 });
  const data = fc
    .tuple(
      fc.dictionary(text, fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' }), { maxKeys: 6 }),
      mostly(word, text),
      mostly(word, text),
    )
    .map(([rest, sku, title]) => ({ ...rest, sku, title, orderNumber: sku }));
  const anyItem = fc.record(
    {
      instruction: mostly(
        fc.constantFrom('add_product', 'update_product', 'clear_channel', 'sync_order'),
        fc.constantFrom('add_order', 'x'),
      ),
      channel: mostly(fc.constant('12'), fc.constantFrom('13', '', 'a:b')),
      source: mostly(fc.constant('s1'), fc.constant('s2')),
      data,
      title: mostly(word, text),
      entity: fc.record({
        kind: mostly(fc.constantFrom('sku', 'order'), fc.constant('a b')),
        key: mostly(word, text),
      }),
    },
    { requiredKeys: ['instruction', 'channel', 'data'] },
  );

  test('over any items', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(anyItem, async (sent) => {
        const answer = await api.call('POST', '/v1/items', { body: sent });
        expect([202, 400, 422]).toContain(answer.status);
        if (answer.status !== 202) return;
        accepted += 1;
        const got = await api.item(answer.body.queueId);
        expect(got.data).toEqual(JSON.parse(JSON.stringify(sent.data)));
        if (sent.title !== undefined) expect(got.title).toBe(sent.title.trim());
        if (sent.entity)
          expect(got['entity']).toEqual({ ...sent.entity, key: sent.entity.key.trim() });
      }),
      { numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test('over any bytes and any JSON', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json({ maxDepth: 8, stringUnit: 'binary' }).map((json) => Buffer.from(json)),
      fc.json({ maxDepth: 8 }).map((json) => Buffer.from(rawItem(json))),
      fc.tuple(fc.json(), fc.nat(), fc.nat(255)).map(([json, at, byte]) => {
        const broken = Buffer.from(rawItem(json));
        broken[at % broken.length] = byte;
        return broken;
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        bytes,
        fc.constantFrom('/v1/items', '/v1/items/batch'),
        async (raw, path) => {
          const { status } = await api.call('POST', path, { raw });
          expect([202, 400, 422]).toContain(status);
        },
      ),
      { numRuns: 400 },
    );
  });
});
