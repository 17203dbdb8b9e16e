import { afterEach, expect, test } from '@jest/globals';
import { AndonClient, collect } from '../../../src/client/client.js';
import { ApiProblem, secondsOf, Unreachable } from '../../../src/client/problem.js';
import type { ClientOptions } from '../../../src/client/transport.js';
import { fakeAndon, type Reply, type Seen } from './fake-andon.js';

let stop = async () => {};
afterEach(() => stop());

async function client(answer: (seen: Seen) => Reply, more: Partial<ClientOptions> = {}) {
  const server = await fakeAndon(answer);
  stop = server.stop;
  const options = { key: 'id.secret', timeoutMs: 5_000, tries: 1, ...more };
  const api = new AndonClient({ url: `${server.url}/`, ...options });
  return { api, seen: server.seen, url: server.url };
}

test('a search follows the cursor to the last page', async () => {
  const pages: Record<string, Reply> = {
    '': { body: { items: [{ queueId: 1 }, { queueId: 2 }], nextCursor: 'c2' } },
    c2: { body: { items: [{ queueId: 3 }], nextCursor: null } },
  };
  const { api, seen } = await client(({ query }) => pages[query.get('cursor') ?? ''] ?? {});
  const items = await collect(api.search({ state: 'failed', entity: 'sku:A B' }));
  expect(items.map((item) => item.queueId)).toEqual([1, 2, 3]);
  expect(seen.map(({ query }) => query.get('entity'))).toEqual(['sku:A B', 'sku:A B']);
  expect(seen[0]?.headers.authorization).toBe('Bearer id.secret');
});

test('an enqueue carries its idempotency key and tells a replay', async () => {
  const { api, seen } = await client(() => ({
    status: 202,
    body: { queueId: 7, queue: 'channel.12', position: 0 },
    headers: { 'idempotent-replayed': 'true' },
  }));
  const item = { instruction: 'add_product', channel: '12', data: { sku: 'A' } };
  expect(await api.enqueue(item, { idempotencyKey: 'k1' })).toMatchObject({
    queueId: 7,
    replayed: true,
  });
  expect(seen[0]).toMatchObject({ method: 'POST', path: '/v1/items', body: item });
  expect(seen[0]?.headers['idempotency-key']).toBe('k1');
});

test('a batch tells item by item what was there already', async () => {
  const { api } = await client(() => ({
    status: 202,
    body: { items: [{ queueId: 1, replayed: true }, { queueId: 2 }] },
  }));
  const accepted = await api.enqueueBatch([]);
  expect(accepted.map(({ replayed }) => replayed)).toEqual([true, false]);
});

test('a refusal is an ApiProblem with the body of the API', async () => {
  const problem = { type: 'conflict', title: 'Not now', status: 409, detail: 'it is completed' };
  const { api } = await client(() => ({ status: 409, body: problem }));
  const error: unknown = await api.retry(5).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiProblem);
  expect(error).toMatchObject({ status: 409, message: 'it is completed', problem });
});

test('a proxy that answers in its own words is a problem too', async () => {
  const { api } = await client(() => ({
    status: 502,
    text: '<html>',
    headers: { 'retry-after': '3' },
  }));
  await expect(api.item(1)).rejects.toMatchObject({ status: 502, retryAfter: 3 });
});

test('something else that answers is not taken for Andon', async () => {
  const { api } = await client(() => ({ text: '<html>hello</html>' }));
  await expect(api.item(1)).rejects.toThrow(/something answers at .* but not Andon/);
});

test('nobody there is told as a sentence', async () => {
  const { api, url } = await client(() => ({}));
  await stop();
  stop = async () => {};
  const error: unknown = await api.item(1).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Unreachable);
  expect(error).toMatchObject({ message: `nothing answers at ${url}: start it with npm start` });
});

test('a connection that breaks is told in words', async () => {
  const { createServer } = await import('node:net');
  const server = createServer((socket) => socket.end());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const url = `http://127.0.0.1:${port}`;
  await expect(new AndonClient({ url, tries: 1 }).item(1)).rejects.toThrow(
    `${url}: the connection broke`,
  );
  server.close();
});

test('an answer that never comes is given up', async () => {
  const { createServer } = await import('node:http');
  const server = createServer(() => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const api = new AndonClient({ url: `http://127.0.0.1:${port}`, timeoutMs: 100, tries: 1 });
  await expect(api.item(1)).rejects.toThrow('gave no answer within 0.1 s');
  server.closeAllConnections();
  server.close();
});

test('the key does not follow a redirect', async () => {
  const { api, seen } = await client(() => ({ status: 302, headers: { location: '/elsewhere' } }));
  await expect(api.item(1)).rejects.toBeInstanceOf(ApiProblem);
  expect(seen).toHaveLength(1);
});

/** Answers with these one after another, then well. */
function inTurn(...replies: Reply[]) {
  const waits: number[] = [];
  const onRetry = (_: Error, ms: number) => void waits.push(ms);
  const answer = (): Reply => replies.shift() ?? { body: { queueId: 7, items: [] } };
  return { waits, onRetry, answer };
}
const away = (retryAfter: string): Reply => ({
  status: 503,
  body: { type: '/problems/store-unavailable', title: 'Away', status: 503 },
  headers: { 'retry-after': retryAfter },
});

test('an enqueue comes again as long after as Retry-After says, with the same key', async () => {
  const { waits, onRetry, answer } = inTurn(away('0'), away('0'));
  const { api, seen } = await client(answer, { tries: 5, onRetry });
  expect(await api.enqueue({ instruction: 'add_product' })).toMatchObject({ queueId: 7 });
  expect(waits).toEqual([0, 0]);
  const keys = seen.map(({ headers }) => headers['idempotency-key']);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(keys).size).toBe(1);
});

test('without a word on when, the waits double and are spread', async () => {
  const { waits, onRetry, answer } = inTurn({ status: 503 }, { status: 504 }, { status: 502 });
  const { api } = await client(answer, { tries: 5, firstDelayMs: 8, onRetry });
  await api.item(1);
  expect(waits).toHaveLength(3);
  for (const [n, ms] of waits.entries()) {
    expect(ms).toBeGreaterThanOrEqual(4 * 2 ** n);
    expect(ms).toBeLessThanOrEqual(8 * 2 ** n);
  }
});

test('nobody comes back before the time that was named: a long one is told at once', async () => {
  const { answer } = inTurn(away('3600'));
  const { api, seen } = await client(answer, { tries: 5 });
  await expect(api.item(1)).rejects.toMatchObject({ status: 503, retryAfter: 3600 });
  expect(seen).toHaveLength(1);
});

test('a change without a key comes again only when it was certainly not carried out', async () => {
  const { answer } = inTurn({ status: 429, headers: { 'retry-after': '0' } }, away('0'));
  const { api, seen } = await client(answer, { tries: 5 });
  await expect(api.retry(1)).rejects.toMatchObject({ type: 'store-unavailable' });
  expect(seen).toHaveLength(2);
});

test('a refusal is final', async () => {
  const { answer } = inTurn({ status: 409, body: { type: '/problems/conflict', title: 'No' } });
  const { api, seen } = await client(answer, { tries: 5 });
  await expect(api.enqueue({ instruction: 'x' })).rejects.toMatchObject({ type: 'conflict' });
  expect(seen).toHaveLength(1);
});

test('a signal ends a call that waits for its next try, with its reason', async () => {
  const stopping = new Error('the shop closes');
  const controller = new AbortController();
  const { api } = await client(() => away('20'), {
    tries: 5,
    onRetry: () => controller.abort(stopping),
  });
  const { signal } = controller;
  await expect(api.enqueue({ instruction: 'x' }, { signal })).rejects.toBe(stopping);
  await expect(api.item(1, { signal })).rejects.toBe(stopping);
});

test('a signal ends a call that waits for its answer', async () => {
  const { createServer } = await import('node:http');
  const controller = new AbortController();
  const stopping = new Error('the shop closes');
  const server = createServer(() => controller.abort(stopping));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const api = new AndonClient({ url: `http://127.0.0.1:${port}` });
  const { signal } = controller;
  await expect(api.enqueue({ instruction: 'x' }, { signal })).rejects.toBe(stopping);
  server.closeAllConnections();
  server.close();
});

test('Retry-After is read as seconds or as a date', () => {
  const now = Date.parse('Sat, 21 Nov 2026 08:00:00 GMT');
  expect(secondsOf('7')).toBe(7);
  expect(secondsOf('Sat, 21 Nov 2026 08:00:30 GMT', now)).toBe(30);
  expect(secondsOf('soon')).toBeUndefined();
  expect(secondsOf(null)).toBeUndefined();
});
