import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { clock } from '../../../src/cli/words.js';
import { andon, fakeAndon, type Reply, type Seen } from './fake-andon.js';

const failed = {
  queueId: 1042,
  queue: 'channel.12',
  mode: 'blocking',
  state: 'failed',
  instruction: 'add_product',
  description: 'Add product to Cape Shopify',
  title: 'Old',
  entity: { kind: 'sku', key: 'A' },
  data: { sku: 'A', title: 'Old', variants: [{ price: -1 }] },
  attempts: 3,
  position: 0,
  enqueuedAt: '2026-11-21T08:00:00Z',
  startedAt: null,
  finishedAt: null,
  error: { message: 'price must not be negative', status: 422, at: '2026-11-21T08:00:01Z' },
  outcome: null,
  history: [{ at: '2026-11-21T08:00:01Z', actor: 'worker', action: 'failed' }],
  logs: ['posted'],
};

let server: Awaited<ReturnType<typeof fakeAndon>>;
let answer: (seen: Seen) => Reply;
beforeEach(async () => {
  answer = () => ({ body: failed });
  server = await fakeAndon((seen) => answer(seen));
});
afterEach(() => server.stop());

const run = (args: string[], terminal: Parameters<typeof andon>[1] = {}) =>
  andon(args, { ...terminal, env: { ANDON_URL: server.url, ...terminal.env } });

describe('exit codes and errors', () => {
  test('a refusal exits 1 with a sentence and what is wrong where', async () => {
    const errors = [{ pointer: '/data/title', detail: 'must not be empty' }];
    answer = () => ({ status: 422, body: { type: 't', title: 'Not valid', status: 422, errors } });
    const { code, err, out } = await run(['item', '1']);
    expect({ code, err, out }).toEqual({
      code: 1,
      err: 'Not valid (422)\n  /data/title: must not be empty\n',
      out: '',
    });
  });

  test('recipients list says so when nobody is set', async () => {
    answer = () => ({ body: { items: [], nextCursor: null } });
    const { out } = await run(['recipients', 'list']);
    expect(out).toBe('Nobody is set yet: andon recipients set ADDRESS\n');
  });

  test('recipients set speaks of one and of many', async () => {
    answer = ({ method, body }) =>
      method === 'PUT'
        ? { body: { client: null, successes: true, escalation: null, ...(body as object) } }
        : { body: { items: [], nextCursor: null } };
    expect((await run(['recipients', 'set', 'a@x.example'])).out).toBe(
      'a@x.example gets everything.\n',
    );
    expect((await run(['recipients', 'set', 'a@x.example', 'b@x.example'])).out).toBe(
      'a@x.example, b@x.example get everything.\n',
    );
  });

  test('a hint of the server is one that works where it is typed', async () => {
    const detail = 'no channel "9" is registered: andon channel put 9 comes first';
    const errors = [{ pointer: '/channel', detail }];
    answer = () => ({ status: 422, body: { type: 't', title: 'Not valid', status: 422, errors } });
    const within = await run(['item', '1'], { env: { npm_command: 'exec' } });
    expect(within.err).toContain('registered: npx andon channel put 9 comes first');
    expect((await run(['item', '1'])).err).toContain('registered: andon channel put 9 comes');
  });

  test('with --json the problem comes as JSON on stderr', async () => {
    answer = () => ({ status: 404, body: { type: 'not-found', title: 'Not found', status: 404 } });
    const { code, err } = await run(['item', '1', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(err)).toMatchObject({ type: 'not-found', status: 404 });
  });

  test('nothing there and a failing server exit 3', async () => {
    answer = () => ({ status: 503, body: { type: 'x', title: 'Away', status: 503 } });
    expect((await run(['queues'])).code).toBe(3);
    const { code, err } = await run(['queues', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(3);
    expect(err).toBe('nothing answers at http://127.0.0.1:1: start it with npm start\n');
  });

  test.each([
    [['item', 'abc'], /^A queue id is a whole number/],
    [['pause', 'channel:12'], /A queue is channel.ID/],
    [['channel', 'show', 'a:b'], /1 to 64 letters/],
    [['items', '--state', 'lost'], /Allowed choices are waiting/],
    [['items', '--since', 'yesterday'], /^--since: Must be a span such as 30m, 2h, 7d/],
    [['clear', 'channel.12'], /--reason/],
    [['retry'], /Give queue ids or a filter/],
    [['skip', '7', '--state', 'failed'], /Give queue ids or a filter/],
    [['edit', '7'], /Say what to change/],
    [['enqueue', 'add_product', '--data', '[1]'], /must be a JSON object/],
    [
      ['enqueue', 'add_product', '--data', '@/nowhere/x.json'],
      /^\/nowhere\/x.json does not exist$/m,
    ],
    [['import', '/nowhere/x.csv'], /^\/nowhere\/x.csv does not exist$/m],
    [['item', '1', '--data'], /unknown option/],
    [['keys', 'create', '--scope', 'root'], /Scopes are/],
    [['channel', 'put', '12', '--retry', 'attempts=many'], /^--retry: Must be as attempts=3/],
    [['items', '--url', 'localhost:3000'], /is not a URL/],
    [['itms'], /unknown command/],
  ])('%j is wrong usage: exit 2, nothing sent', async (args, message) => {
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(server.seen).toHaveLength(0);
  });

  test('help exits 0 and shows an example', async () => {
    const { code, out } = await run(['retry', '--help']);
    expect(code).toBe(0);
    expect(out).toContain('$ andon retry 1042');
    expect(out).toContain('--json');
  });

  test('hints and examples call the program as it was called', async () => {
    const clone = { script: '/home/me/andon/dist/cli.js' };
    expect((await run(['retry', '--help'], clone)).out).toContain('$ npx andon retry 1042');
    expect((await run(['item', '1042'], clone)).out).toContain('  npx andon retry 1042 ');
    expect((await run(['retry'], clone)).err).toContain('npx andon retry --help');
    expect((await run(['itms'], clone)).err).toContain('npx andon COMMAND --help');
    const byNpx = { script: '/x/node_modules/.bin/andon' };
    expect((await run(['item', '1042'], byNpx)).out).toContain('  npx andon retry 1042 ');
    const exec = { env: { npm_command: 'exec' } };
    expect((await run(['item', '1042'], exec)).out).toContain('  npx andon retry 1042 ');
  });

  test('without a valid key it says where one is', async () => {
    answer = () => ({ status: 401, body: { type: 't', title: 'No key', status: 401 } });
    expect((await run(['queues'])).err).toContain('data/admin-key');
  });
});

describe('where and with which key', () => {
  const bearer = () => server.seen.at(-1)?.headers.authorization;

  test('the option goes before ANDON_KEY, before ANDON_BOOTSTRAP_KEY, before the file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'andon-'));
    writeFileSync(join(folder, 'admin-key'), 'file.secret\nmore\n');
    const env: Record<string, string> = { ANDON_DATA_DIR: folder };
    await run(['item', '1'], { env });
    expect(bearer()).toBe('Bearer file.secret');
    env['ANDON_BOOTSTRAP_KEY'] = 'boot.secret';
    await run(['item', '1'], { env });
    expect(bearer()).toBe('Bearer boot.secret');
    env['ANDON_KEY'] = 'mine.secret';
    await run(['item', '1'], { env });
    expect(bearer()).toBe('Bearer mine.secret');
    await run(['--key', 'a.b', 'item', '1'], { env });
    expect(bearer()).toBe('Bearer a.b');
    await run(['item', '1', '--key', 'c.d'], { env });
    expect(bearer()).toBe('Bearer c.d');
    rmSync(folder, { recursive: true });
  });

  test('--url behind channel put is the connector’s, before it Andon’s', async () => {
    answer = ({ method }) =>
      method === 'GET'
        ? { status: 404, body: { type: 'not-found', title: 'Not found', status: 404 } }
        : { body: { id: '12', description: 'x', connector: { type: 'http' }, secret: 'whsec_1' } };
    const put = ['channel', 'put', '12', '--description', 'Cape', '--connector-type', 'http'];
    const { code, err } = await andon([
      '--url',
      server.url,
      ...put,
      '--url',
      'http://shop/andon',
      '--header',
      'X-A: b: c',
    ]);
    expect(code).toBe(0);
    expect(err).toContain('shown only now: whsec_1');
    expect(server.seen[1]).toMatchObject({
      method: 'PUT',
      path: '/v1/channels/12',
      body: {
        description: 'Cape',
        connector: { type: 'http', url: 'http://shop/andon', headers: { 'X-A': 'b: c' } },
      },
    });
  });
});

describe('channels', () => {
  const cape = {
    id: '12',
    kind: 'channel',
    description: 'Cape',
    client: 'acme',
    connector: { type: 'http', url: 'http://shop/andon', timeoutMs: 30_000 },
    retry: { attempts: 5, maxDelayMs: 60_000 },
    recordUrl: 'http://shop/{sku}',
    queue: 'channel.12',
  };
  const absent = { status: 404, body: { type: 'not-found', title: 'Not found', status: 404 } };

  test('put changes only what is given', async () => {
    answer = () => ({ body: cape });
    const args = ['--timeout', '5000', '--retry', 'attempts=3,firstDelayMs=0'];
    expect((await run(['channel', 'put', '12', ...args])).code).toBe(0);
    expect(server.seen[1]?.body).toEqual({
      description: 'Cape',
      client: 'acme',
      connector: { type: 'http', url: 'http://shop/andon', timeoutMs: 5_000 },
      retry: { attempts: 3, firstDelayMs: 0, maxDelayMs: 60_000 },
      recordUrl: 'http://shop/{sku}',
    });
  });

  test('put takes client, record link and retries away again', async () => {
    answer = () => ({ body: cape });
    await run(['channel', 'put', '12', '--no-client', '--no-record-url', '--no-retry']);
    expect(server.seen[1]?.body).toEqual({
      description: 'Cape',
      connector: { type: 'http', url: 'http://shop/andon', timeoutMs: 30_000 },
    });
  });

  test('put takes a rate limit and an address to ping', async () => {
    answer = () => ({ body: cape });
    const args = ['--rate-limit', '100/minute', '--ping-url', 'http://shop/ping'];
    await run(['channel', 'put', '12', ...args]);
    expect(server.seen[1]?.body).toMatchObject({
      connector: { url: 'http://shop/andon', pingUrl: 'http://shop/ping' },
      rateLimit: { max: 100, per: 'minute' },
    });
    answer = () => ({ body: { ...cape, rateLimit: { max: 5, per: 'hour' } } });
    await run(['channel', 'put', '12', '--timeout', '5000']);
    expect(server.seen.at(-1)?.body).toMatchObject({ rateLimit: { max: 5, per: 'hour' } });
    await run(['channel', 'put', '12', '--rate-limit', 'none']);
    expect(server.seen.at(-1)?.body).not.toHaveProperty('rateLimit');
    for (const wrong of ['100', '0/minute', '5/fortnight'])
      expect((await run(['channel', 'put', '12', '--rate-limit', wrong])).code).toBe(2);
  });

  test('another type of connector takes nothing over from the one before', async () => {
    answer = () => ({ body: cape });
    await run(['channel', 'put', '12', '--connector-type', 'demo']);
    expect(server.seen[1]?.body).toMatchObject({ connector: { type: 'demo' } });
    expect(server.seen[1]?.body).not.toHaveProperty('connector.url');
  });

  test.each([
    [['--connector-type', 'demo'], /needs --description/],
    [['--description', 'x'], /--connector-type http --url URL/],
    [['--description', 'x', '--connector-type', 'http'], /needs --url/],
  ])('a new one with %j alone is wrong usage', async (args, message) => {
    answer = () => absent;
    const { code, err } = await run(['channel', 'put', '12', ...args]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(server.seen.map(({ method }) => method)).toEqual(['GET']);
  });

  test('delete tells what is left', async () => {
    expect((await run(['channel', '--help'])).out).toContain('that has no open items');
    const { out } = await run(['channel', 'delete', '12']);
    expect(out).toBe('channel 12 is deleted; its finished items can still be looked up.\n');
  });
});

describe('queues', () => {
  const counts = {
    waiting: 0,
    active: 0,
    backingOff: 0,
    failed: 0,
    completed: 7,
    skipped: 2,
    resolved: 1,
  };
  const queue = {
    name: 'channel.12',
    kind: 'channel',
    mode: 'blocking',
    description: 'Cape',
    client: null,
    state: 'running',
    blocked: false,
    paused: false,
    pausedBy: null,
    heldUntil: null,
    heldReason: null,
    blockedBy: null,
    counts,
    oldestWaitingAt: null,
    nextAttemptAt: null,
  };
  const pausedBy = { actor: 'key:k1', at: null, reason: 'stock-taking' };
  const blockedBy = { queueId: 5, title: 'A', error: 'negative price', since: null };
  const soon = new Date(Date.now() + 24_000).toISOString();
  const waits = { nextAttemptAt: soon, heldReason: 'HTTP 500' };
  const backingOff = { ...waits, counts: { ...counts, backingOff: 1 } };
  const since = new Date(Date.now() - 60_000).toISOString();
  const hold = {
    ...backingOff,
    state: 'held',
    heldKind: 'hold',
    heldReason: 'the shop answered 503',
    heldCause: 'connection',
    heldSince: since,
  };
  const because = 'because the shop answered 503 (connection)';
  const retrying = `retrying at ${clock(soon)}: HTTP 500`;

  test.each([
    ['running', {}, ''],
    ['running', { counts: { ...counts, active: 1 } }, ''],
    ['backing-off', backingOff, retrying],
    ['running', { ...backingOff, mode: 'non-blocking' }, retrying],
    ['held', hold, `on hold until ${clock(soon)}, since ${clock(since)}, ${because}`],
    [
      'held',
      { ...hold, overdue: true },
      `on hold until ${clock(soon)}, since ${clock(since)} (too long: look at it), ${because}`,
    ],
    [
      'held',
      { ...hold, nextAttemptAt: null },
      `on hold, asking whether the far side is back, since ${clock(since)}, ${because}`,
    ],
    [
      'held',
      { ...backingOff, state: 'held', heldKind: 'rate', heldReason: 'used up' },
      `goes on at ${clock(soon)}: used up`,
    ],
    ['paused', { state: 'paused', paused: true, pausedBy }, 'paused by key:k1: stock-taking'],
    ['blocked', { state: 'blocked', blocked: true, blockedBy }, '5: negative price'],
    [
      'blocked',
      { state: 'blocked', blocked: true, blockedBy: { ...blockedBy, cause: 'data' } },
      '5: negative price (data)',
    ],
    [
      'blocked, paused',
      { state: 'blocked', blocked: true, blockedBy, paused: true, pausedBy },
      '5: negative price; paused by key:k1: stock-taking',
    ],
  ])('%s says why: %j', async (word, facts, why) => {
    answer = () => ({ body: { items: [{ ...queue, ...facts }], nextCursor: null } });
    const [headings = '', row = ''] = (await run(['queues'])).out.split('\n');
    expect(headings.split(/ {2,}/)).toContain('WHY');
    const cells = row.split(/ {2,}/);
    expect(cells[1]).toBe(word);
    expect(cells[4]).toBe('7');
    expect(cells[6] ?? '').toBe(why);
  });

  test('pause carries its reason', async () => {
    answer = () => ({ body: queue });
    await run(['pause', 'channel.12', '--reason', 'stock-taking']);
    expect(server.seen[0]).toMatchObject({
      path: '/v1/queues/channel.12/pause',
      body: { reason: 'stock-taking' },
    });
  });

  test('an item that backs off says when it is tried again and what else can be done', async () => {
    answer = ({ path }) =>
      path === '/v1/items/1042'
        ? { body: { ...failed, state: 'backing-off' } }
        : { body: { ...queue, ...backingOff } };
    const { out } = await run(['item', '1042']);
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/v1/items/1042',
      '/v1/queues/channel.12',
    ]);
    expect(out).toContain('backing-off after 3 attempts');
    expect(out).toMatch(/^Next try +at \S+Z \(in \d+ s\), attempt 4$/m);
    expect(out).toContain('andon retry 1042');
  });
});

test('an item on hold says since when, how often its far side was away, and why', async () => {
  const since = new Date(Date.now() - 125_000).toISOString();
  const held = { since, times: 4, reason: 'still away', cause: 'connection' };
  answer = () => ({ body: { ...failed, mode: 'non-blocking', state: 'backing-off', held } });
  const { out } = await run(['item', '1042']);
  const line = `${since} (2 min ago), 4 times away, because still away (connection)`;
  expect(out).toMatch(/^On hold +since /m);
  expect(out).toContain(line);
});

describe('looking', () => {
  test('items can be chosen by the class of their error, which the list shows', async () => {
    answer = () => ({
      body: { items: [{ ...failed, error: { ...failed.error, cause: 'data' } }], nextCursor: null },
    });
    const { out } = await run(['items', '--cause', 'data']);
    expect(server.seen[0]?.query.get('cause')).toBe('data');
    const [headings = '', row = ''] = out.split('\n');
    expect(row.split(/ {2,}/)[headings.split(/ {2,}/).indexOf('CAUSE')]).toBe('data');
    expect((await run(['items', '--cause', 'weather'])).code).toBe(2);
    await run(['retry', '--cause', 'connection', '--dry-run']);
    expect(server.seen.at(-1)?.body).toMatchObject({ cause: 'connection', dryRun: true });
  });

  test('an item shows what became of its parts, what caused it and what it caused', async () => {
    const parts = [
      { kind: 'product', key: 'shirt', state: 'done' },
      { kind: 'variant', key: 'shirt-m\u001b[31m', state: 'failed', message: 'no price' },
    ];
    answer = () => ({ body: { ...failed, parts, progress: 50, causedBy: 1040, caused: 12 } });
    const { out } = await run(['item', '1042']);
    expect(out).toMatch(/^ {2}done {4}product {2}shirt$/m);
    expect(out).toMatch(/^ {2}failed {2}variant {2}shirt-m.* no price$/m);
    expect(out).not.toContain('\u001b[31m');
    expect(out).toMatch(/^Progress +50 %$/m);
    expect(out).toMatch(/^Caused by +item 1040$/m);
    expect(out).toMatch(/^Caused +12 items$/m);
  });

  test('items go through pages up to the limit, and say when there is more', async () => {
    answer = ({ query }) => {
      const items = Array.from({ length: Number(query.get('limit')) }, () => failed);
      return { body: { items, nextCursor: 'more' } };
    };
    const { code, out, err } = await run(['items', '--state', 'failed', '--limit', '250']);
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(251);
    expect(err).toContain('More match');
    expect(server.seen.map(({ query }) => query.get('limit'))).toEqual(['200', '50']);
  });

  test('no match is an empty document and exit 1', async () => {
    answer = () => ({ body: { items: [], nextCursor: null } });
    const { code, out } = await run(['items', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({ items: [], nextCursor: null });
  });

  test('a failed item shows its error and what puts it right', async () => {
    const { out } = await run(['item', '1042']);
    expect(out).toContain('422 price must not be negative');
    expect(out).toContain('failed after 3 attempts');
    expect(out).toContain('"sku": "A"');
    expect(out).toContain('andon retry 1042');
    expect(out).toContain('andon resolve 1042');
    expect(out).not.toContain('\u001b[');
  });

  test('the error of a try before is not taken for one of the present', async () => {
    answer = () => ({ body: { ...failed, state: 'active', attempts: 4 } });
    const { out } = await run(['item', '1042']);
    expect(out).toMatch(/^State +active, attempt 4$/m);
    expect(out).toMatch(/^Last error +422 price/m);
    expect(out).not.toContain('andon retry');
  });

  test('an edit stands in the history as what it changed', async () => {
    const edit = { at: '2026-11-21T08:00:02Z', actor: 'key:a', action: 'edit' };
    const history = [
      { ...edit, before: { sku: 'A', title: 'Oldest', variants: [{ price: -1 }] } },
      { ...edit, before: { sku: 'A', title: 'Old', variants: [{ price: -2 }] } },
    ];
    answer = () => ({ body: { ...failed, history } });
    const { out } = await run(['item', '1042']);
    expect(out).toContain('edit  by key:a  title: "Oldest" → "Old", variants.0.price: -1 → -2\n');
    expect(out).toContain('edit  by key:a  variants.0.price: -2 → -1\n');
    expect(out).not.toContain('before:');
  });

  test('--json is the answer of the API, unchanged', async () => {
    const { out } = await run(['item', '1042', '--json'], { tty: true });
    expect(JSON.parse(out)).toEqual(failed);
  });
});

describe('putting right', () => {
  test('edit --set merges into the present data', async () => {
    const args = [
      'edit',
      '1042',
      '--set',
      'title=Ocean Blue Shirt',
      '--set',
      'variants.0.price=49.5',
    ];
    const { code, err } = await run(args);
    expect(code).toBe(0);
    expect(server.seen.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
    expect(server.seen[1]?.body).toEqual({
      data: { sku: 'A', title: 'Ocean Blue Shirt', variants: [{ price: 49.5 }] },
    });
    expect(err).toContain('andon retry 1042');
  });

  test.each([
    ['price=50', 'price is a new field: the data had none there. Did you mean variants.0.price?\n'],
    ['colour=red', 'colour is a new field: the data had none there.\n'],
    ['title=New', ''],
  ])('edit --set %s warns of a field that was not there', async (assignment, warning) => {
    const { code, err } = await run(['edit', '1042', '--set', assignment]);
    expect(code).toBe(0);
    expect(err).toBe(`${warning}Now run it again: andon retry 1042\n`);
  });

  test('edit tells what it changed', async () => {
    const before = { sku: 'A', title: 'Older', tags: ['a', 'b'] };
    const history = [...failed.history, { at: '', actor: 'key:a', action: 'edit', before }];
    answer = () => ({
      body: { ...failed, data: { sku: 'A', title: 'Old', tags: ['a'] }, history },
    });
    const { out } = await run(['edit', '1042', '--set', 'title=Old']);
    expect(out).toBe('title: "Older" → "Old"\ntags.1: "b" → nothing\n');
  });

  test('edit --data takes all data, also from stdin', async () => {
    await run(['edit', '1042', '--data', '-'], { stdin: '{"sku":"B"}' });
    expect(server.seen.map(({ body }) => body)).toEqual([{ data: { sku: 'B' } }]);
  });

  test('several ids are retried in order; what was done before a refusal is told', async () => {
    answer = ({ path }) =>
      path === '/v1/items/2/retry'
        ? {
            status: 409,
            body: { type: 'conflict', title: 'No', status: 409, detail: 'is completed' },
          }
        : { body: { ...failed, queueId: 1, state: 'waiting' } };
    const { code, out, err } = await run(['retry', '1', '2', '3']);
    expect(code).toBe(1);
    expect(out).toContain('1 waiting');
    expect(err).toBe('is completed (409)\n');
    expect(server.seen.map(({ path }) => path)).toEqual(['/v1/items/1/retry', '/v1/items/2/retry']);
  });

  test('a filter makes it one bulk call; a dry run says so', async () => {
    answer = () => ({ body: { dryRun: true, matched: 3, remaining: 2, items: [failed] } });
    const { err } = await run(['skip', '--queue', 'channel.12', '--dry-run', '--reason', 'gone']);
    expect(err).toContain('1 would be changed, 2 more match.');
    expect(server.seen[0]).toMatchObject({
      path: '/v1/items/skip',
      body: { queue: 'channel.12', dryRun: true, reason: 'gone' },
    });
  });

  test('skip and resolve carry their reasons', async () => {
    await run(['skip', '7', '--reason', 'gone', '--scope', 'entity-until-add']);
    await run(['resolve', '7', '--reference', 'INV-1']);
    expect(server.seen.map(({ body }) => body)).toEqual([
      { reason: 'gone', scope: 'entity-until-add' },
      { reference: 'INV-1' },
    ]);
  });
});

test('keys create prints the key alone on stdout', async () => {
  answer = () => ({ status: 201, body: { id: 'k1', key: 'k1.secret', scopes: ['read'] } });
  const { out, err } = await run(['keys', 'create', '--scope', 'read,operate', '--channel', '12']);
  expect(out).toBe('k1.secret\n');
  expect(err).toContain('only time');
  expect(server.seen[0]?.body).toEqual({ scopes: ['read', 'operate'], channels: ['12'] });
});

test('users add prints the first password alone on stdout', async () => {
  answer = () => ({ status: 201, body: { name: 'jane', password: 'abc-def' } });
  const { out, err } = await run(['users', 'add', 'Jane', '--role', 'viewer', '--client', 'acme']);
  expect(out).toBe('abc-def\n');
  expect(err).toContain('only time');
  expect(server.seen[0]?.body).toEqual({ name: 'jane', role: 'viewer', clients: ['acme'] });
});

test('users disable says what was done', async () => {
  answer = () => ({ status: 200, body: { name: 'jane' } });
  expect((await run(['users', 'disable', 'jane'])).out).toBe('User jane is disabled.\n');
  expect(server.seen[0]).toMatchObject({ method: 'PATCH', body: { disabled: true } });
});

test('enqueue sends the item with the key given', async () => {
  answer = () => ({ status: 202, body: { queueId: 5, queue: 'channel.12', position: 3 } });
  const args = ['enqueue', 'add_product', '--channel', '12', '--entity', 'sku:A:1'];
  const { out } = await run([...args, '--data', '{"sku":"A:1"}', '--idempotency-key', 'k']);
  expect(out).toBe('5 is enqueued in channel.12, position 3.\n');
  expect(server.seen[0]?.headers['idempotency-key']).toBe('k');
  expect(server.seen[0]?.body).toEqual({
    instruction: 'add_product',
    channel: '12',
    data: { sku: 'A:1' },
    entity: { kind: 'sku', key: 'A:1' },
  });
});
