import { afterEach, expect, test } from '@jest/globals';
import { AndonClient, collect } from '../../../src/client/client.js';
import { ApiProblem, secondsOf, Unreachable } from '../../../src/client/problem.js';
import { fakeAndon, type Reply, type Seen } from './fake-andon.js';

let stop = async () => {};
afterEach(() => stop());

async function client(answer: (seen: Seen) => Reply, timeoutMs = 5_000) {
  const server = await fakeAndon(answer);
  stop = server.stop;
  const api = new AndonClient({ url: `${server.url}/`, key: 'id.secret', timeoutMs });
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
  expect(await api.enqueue(item, 'k1')).toMatchObject({ queueId: 7, replayed: true });
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
  await expect(new AndonClient({ url }).item(1)).rejects.toThrow(`${url}: the connection broke`);
  server.close();
});

test('an answer that never comes is given up', async () => {
  const { createServer } = await import('node:http');
  const server = createServer(() => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const api = new AndonClient({ url: `http://127.0.0.1:${port}`, timeoutMs: 100 });
  await expect(api.item(1)).rejects.toThrow('gave no answer within 0.1 s');
  server.closeAllConnections();
  server.close();
});

test('the key does not follow a redirect', async () => {
  const { api, seen } = await client(() => ({ status: 302, headers: { location: '/elsewhere' } }));
  await expect(api.item(1)).rejects.toBeInstanceOf(ApiProblem);
  expect(seen).toHaveLength(1);
});

test('Retry-After is read as seconds or as a date', () => {
  const now = Date.parse('Sat, 21 Nov 2026 08:00:00 GMT');
  expect(secondsOf('7')).toBe(7);
  expect(secondsOf('Sat, 21 Nov 2026 08:00:30 GMT', now)).toBe(30);
  expect(secondsOf('soon')).toBeUndefined();
  expect(secondsOf(null)).toBeUndefined();
});
