import { Chances } from '../campaign/chances.js';
import { CHANNELS, CHURNING, example, type Schema, SOURCES, type Value, word } from './example.js';
import { spoil } from './spoil.js';

/** One call of the OpenAPI document. */
export interface Operation {
  readonly method: string;
  /** `/v1/items/{queueId}` */
  readonly path: string;
  readonly query: Readonly<Record<string, Schema>>;
  readonly body: Schema | null;
}

/** What there is to send to. */
export interface Surface {
  readonly operations: readonly Operation[];
  /** Pages and their forms, Bull Board and what needs no key. */
  readonly pages: readonly string[];
  readonly instructions: readonly string[];
  /** `id.secret` of the keys that requests are made with; the first may do everything. */
  readonly keys: readonly string[];
  /** Cookie of a viewer at the desk. */
  readonly cookie: string;
  readonly items: number;
}

export interface Fuzzed {
  readonly index: number;
  /** What is odd about it, for the reader of a report. */
  readonly how: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | null;
  /** No answer but 4xx is right. */
  readonly refused: boolean;
  /** Pages may lead elsewhere. */
  readonly page: boolean;
}

/** The request of a seed and a number; it depends on nothing else, so each can be sent again alone. */
export function requestOf(seed: number, index: number, surface: Surface): Fuzzed {
  const by = new Chances(seed, index + 1);
  // The first of neighbouring streams are alike.
  for (let n = 0; n < 4; n += 1) by.next();
  return by.chance(0.12) ? pageRequest(index, by, surface) : apiRequest(index, by, surface);
}

/** Each costs half a second of a core, as a password is hashed: a few are enough. */
const HASHES = new Set(['post /v1/users', 'post /v1/users/{name}/password']);

function apiRequest(index: number, by: Chances, surface: Surface): Fuzzed {
  const enqueues = surface.operations.filter((one) => /^\/v1\/items(\/batch)?$/.test(one.path));
  const quick = surface.operations.filter((one) => !HASHES.has(`${one.method} ${one.path}`));
  const operation = by.chance(0.4)
    ? by.one(enqueues.filter((one) => one.body))
    : by.one(by.chance(0.995) ? quick : surface.operations);
  const told: string[] = [];
  const path = oddPath(pathOf(operation, by, surface, told), by, told);
  const key = keyOf(by, surface, told);
  const headers: (readonly [string, string])[] = key ? [['authorization', key]] : [];
  headers.push(...oddHeaders(by, told));
  let refused = false;
  let body: Buffer | null = null;
  if (operation.body && by.chance(0.97)) {
    const good = example(operation.body, by, surface.instructions);
    const made = by.chance(0.5) ? spoil(good, by) : null;
    if (made) told.push(made.how);
    body = made?.bytes ?? Buffer.from(JSON.stringify(good));
    refused = made?.refused ?? false;
    const type = contentType(by, told);
    if (type !== 'application/json') refused = true;
    if (type !== null) headers.push(['content-type', type]);
    // A call whose body may be left out is right without one.
    if (body.length === 0) refused = false;
  } else if (by.chance(0.1)) {
    body = Buffer.from(JSON.stringify(example({}, by, surface.instructions)));
    headers.push(['content-type', 'application/json']);
  }
  const method = oddMethod(operation.method.toUpperCase(), by, told);
  // Another method or path is another call, which may not read the body at all.
  const same = told.every((one) => !/^(method|path)/.test(one));
  return {
    index,
    how: told.join(', ') || 'good',
    method,
    path,
    headers,
    body,
    refused: refused && same,
    page: !same,
  };
}

function pageRequest(index: number, by: Chances, surface: Surface): Fuzzed {
  const told: string[] = ['page'];
  const page = by
    .one(surface.pages)
    .replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(idOf(name, by, surface)));
  const path = oddPath(page + (by.chance(0.4) ? `?${queryText(by)}` : ''), by, told);
  const headers: (readonly [string, string])[] = [['accept', by.one(['text/html', '*/*', ''])]];
  if (by.chance(0.6)) headers.push(['cookie', surface.cookie]);
  else if (by.chance(0.3))
    headers.push([
      'cookie',
      by.one(['andon-session=', 'andon-session=x;;=', 'a', 'x'.repeat(900)]),
    ]);
  if (by.chance(0.5)) headers.push(['origin', by.one(['http://evil.example', 'null', '', '://'])]);
  if (by.chance(0.2)) headers.push(['sec-fetch-site', by.one(['same-origin', 'cross-site', 'x'])]);
  if (by.chance(0.1)) headers.push(['x-andon-token', word(by).replace(/[^ -~]/g, '')]);
  if (by.chance(0.1))
    headers.push(['referer', by.one(['', '//x', 'http://x/%ff', 'http://[', '/'])]);
  headers.push(...oddHeaders(by, told));
  const method = by.chance(0.3) ? by.one(['POST', 'PUT', 'DELETE', 'PATCH']) : 'GET';
  let body: Buffer | null = null;
  if (method !== 'GET' && by.chance(0.9)) {
    body = Buffer.from(
      by.one([
        () => queryText(by),
        () => `_token=${word(by)}&name=x&${queryText(by)}`,
        () => 'a[b][c]='.repeat(50),
        () => '&'.repeat(2_000),
        () => 'a=1&'.repeat(3_000),
        () => '%',
        () => 'next=%0d%0aSet-Cookie:x',
        () => '{"_token":{"$ne":1}}',
      ])(),
    );
    headers.push([
      'content-type',
      by.one([
        'application/x-www-form-urlencoded',
        'application/json',
        'multipart/form-data; boundary=x',
        'application/x-www-form-urlencoded; charset=x',
      ]),
    ]);
  }
  return { index, how: told.join(', '), method, path, headers, body, refused: false, page: true };
}

function idOf(name: string, by: Chances, { items }: Surface): string {
  if (by.chance(0.15))
    return by.one([
      '0',
      '-1',
      '1e3',
      '99999999999999999999',
      '0x1',
      '１',
      'a:b',
      '{x}',
      '..',
      ' ',
      '\0',
      'a\r\nb',
      '__proto__',
      'x'.repeat(300),
      '7000000001',
      '*',
    ]);
  if (name === 'queueId') return String(by.between(1, items));
  if (name === 'name')
    return by.chance(0.8)
      ? by.one([...CHANNELS.map((id) => `channel.${id}`), 'parallel', 'source.s1'])
      : `u${by.between(0, 50)}`;
  return by.one([...CHANNELS, ...SOURCES, ...CHURNING]);
}

function pathOf(operation: Operation, by: Chances, surface: Surface, told: string[]): string {
  const { method, path, query } = operation;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (path.startsWith('/v1/users')) return `u${by.between(0, 50)}`;
    // What items go to must stay as it is.
    if (name === 'id' && ['put', 'delete'].includes(method)) return by.one(CHURNING);
    return encodeURIComponent(idOf(name, by, surface));
  });
  const pairs = Object.entries(query)
    .filter(() => by.chance(0.3))
    .map(([name, schema]) => `${name}=${queryValue(name, schema, by, surface)}`);
  if (by.chance(0.05)) {
    told.push('query');
    pairs.push(queryText(by));
  }
  return pairs.length > 0 ? `${filled}?${pairs.join('&')}` : filled;
}

function queryValue(name: string, schema: Schema, by: Chances, { instructions }: Surface): string {
  if (by.chance(0.2))
    return by.one([
      '',
      '%',
      '%00',
      '%ff',
      '-1',
      '1e9',
      '[]',
      'a&a',
      '%F0%9F%99%82',
      '9'.repeat(99),
    ]);
  if (name === 'entity') return 'sku:TSH-RED-M';
  const value: Value = example(schema, by, instructions, name);
  return encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value));
}

const queryText = (by: Chances): string =>
  by.one([
    'a=1',
    'limit=200&limit=1',
    'limit[]=1',
    'limit[__proto__]=1',
    '__proto__[a]=1',
    'constructor.prototype=1',
    '=&&==&',
    '%',
    '%00=%00',
    'next=//evil.example',
    'next=%0d%0aX:1',
    `q=${'x'.repeat(3_000)}`,
    'page=-1&jobsPerPage=1e9&activeQueue=channel.c1&status=latest',
    'activeQueue=__proto__&page=NaN',
    `state=failed&error=${encodeURIComponent('*[a-z]*\\')}`,
    'since=0000-00-00T00:00:00Z',
    'since=9999-12-31T23:59:59%2B99:99',
    'cursor=999999999999999',
    'from=%E2%80%AE&till=x',
  ]);

function oddPath(path: string, by: Chances, told: string[]): string {
  if (!by.chance(0.04)) return path;
  told.push('path');
  return by.one([
    () => `/${path}`,
    () => path.replace(/\//g, '//'),
    () => `${path}/`,
    () => `${path}%00`,
    () => `${path}%ff`,
    () => `${path}%2f..%2f..%2fetc`,
    () => path.replace('/v1', '/v1/../v1'),
    () => path.replace('/', '/%2e%2e/'),
    () => path.toUpperCase(),
    () => `${path};a=b`,
    () => `${path}#x`,
    () => `http://evil.example${path}`,
    () => '*',
    () => `/${'a/'.repeat(800)}`,
    () => `/${'x'.repeat(6_000)}`,
    () => `/board${path}`,
    () => '/__proto__',
    () => '/static/..%5c..%5cpackage.json',
  ])();
}

function oddMethod(method: string, by: Chances, told: string[]): string {
  if (!by.chance(0.03)) return method;
  told.push('method');
  return by.one([
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'SEARCH',
    'PURGE',
    'GET',
    'POST',
    'DELETE',
    'LINK',
    'M-SEARCH',
  ]);
}

function keyOf(by: Chances, { keys }: Surface, told: string[]): string | null {
  const [admin = ''] = keys;
  if (by.chance(0.9)) return `Bearer ${admin}`;
  told.push('key');
  if (by.chance(0.6)) return `Bearer ${by.one(keys)}`;
  return by.one([
    null,
    '',
    'Bearer',
    'Bearer .',
    'Bearer a.b',
    `Bearer ${admin}x`,
    `Basic ${admin}`,
    `Bearer ${'x'.repeat(4_000)}.y`,
    'Bearer __proto__.x',
    `Bearer ${admin}, Bearer ${admin}`,
  ]);
}

function oddHeaders(by: Chances, told: string[]): (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = [];
  if (by.chance(0.25)) headers.push(['idempotency-key', `i${by.between(0, 2_000)}`]);
  if (!by.chance(0.08)) return headers;
  told.push('header');
  headers.push(
    ...by.one<() => (readonly [string, string])[]>([
      () => [['idempotency-key', '']],
      () => [['idempotency-key', 'é'.repeat(9)]],
      () => [['idempotency-key', 'x'.repeat(5_000)]],
      () => [['accept', '*/*;q=x, ,;,text/html;;']],
      () => [['accept-encoding', 'gzip;q=nan, br']],
      () => [['if-none-match', '*']],
      () => [['if-modified-since', 'x']],
      () => [['range', 'bytes=-1-,9']],
      () => [['x-forwarded-for', '::::,999.1.1.1']],
      () => [['x-forwarded-host', 'evil.example\t']],
      () => [['x-http-method-override', 'DELETE']],
      () => [['content-encoding', by.one(['gzip', 'br', 'x'])]],
      () => [['expect', '100-continue']],
      () => [
        ['upgrade', 'websocket'],
        ['connection', 'upgrade'],
      ],
      () => [['cookie', 'a=%ff; =; ;;']],
      () => [['host', by.one(['', 'x:99999', '[::', 'a b', '<script>'])]],
      () => Array.from({ length: 90 }, (_, n) => [`x-${n}`, 'y'] as const),
      () => [['x-long', 'y'.repeat(9_000)]],
      () => [['x-binary', '\xff\x80\xfe']],
    ])(),
  );
  return headers;
}

function contentType(by: Chances, told: string[]): string | null {
  if (by.chance(0.95)) return 'application/json';
  told.push('content type');
  return by.one([
    null,
    'text/plain',
    'application/json; charset=latin1',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json, application/json',
    'application/JSONx',
    'x'.repeat(2_000),
  ]);
}
