import { describe, expect, test } from '@jest/globals';
import { routesOf } from '../../src/api/app.js';
import type { Services } from '../../src/api/services.js';
import { AndonClient, ApiProblem, collect, Unreachable } from '../../src/client/exports.js';
import { Api, BOOTSTRAP_KEY, product } from '../support/api.js';
import { Cutting } from '../support/cutting.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const api = await Api.start(redis, { roles: ['api', 'worker'] });
const proxy = await Cutting.before(api.url);
/** By way of the proxy, and quick to try again. */
const andon = new AndonClient({ url: proxy.url, key: BOOTSTRAP_KEY, firstDelayMs: 10 });
const shop = await FarSide.start();

/** A channel whose items wait, so that what is in its queue can be counted. */
async function standing(id: string): Promise<string> {
  await api.put('channel', id);
  await andon.pause(`channel.${id}`);
  return id;
}

const waiting = async (id: string): Promise<number> =>
  (await andon.queue(`channel.${id}`)).counts.waiting;

const thrown = (what: Promise<unknown>): Promise<unknown> =>
  what.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('an enqueue over a network that loses answers', () => {
  test('is stored once, without a word about keys', async () => {
    const channel = await standing('lost');
    proxy.toLose = 3;
    const accepted = await andon.enqueue(product(channel, 'A'));
    expect(proxy).toMatchObject({ toLose: 0, lost: 3 });
    expect(accepted).toMatchObject({ queue: 'channel.lost', state: 'waiting', replayed: true });
    expect(await waiting(channel)).toBe(1);
  });

  test('a batch too, in its order', async () => {
    const channel = await standing('batch');
    proxy.toLose = 2;
    const skus = ['A', 'B', 'C'];
    const accepted = await andon.enqueueBatch(skus.map((sku) => product(channel, sku)));
    expect(accepted.map(({ replayed }) => replayed)).toEqual([true, true, true]);
    const items = await collect(andon.search({ queue: 'channel.batch' }));
    expect(items.map(({ title }) => title).reverse()).toEqual(skus);
  });

  test('two calls are two items, and one key over two calls is one', async () => {
    const channel = await standing('keys');
    await andon.enqueue(product(channel, 'A'));
    await andon.enqueue(product(channel, 'A'));
    expect(await waiting(channel)).toBe(2);
    const first = await andon.enqueue(product(channel, 'B'), { idempotencyKey: 'b-1' });
    const again = await andon.enqueue(product(channel, 'B'), { idempotencyKey: 'b-1' });
    expect([first.replayed, again.replayed]).toEqual([false, true]);
    expect(again.queueId).toBe(first.queueId);
    expect(await waiting(channel)).toBe(3);
  });

  test('gives up after its tries, and says that nobody knows', async () => {
    const channel = await standing('gone');
    proxy.toLose = 2;
    const error = await thrown(andon.enqueue(product(channel, 'A'), { tries: 2 }));
    expect(error).toBeInstanceOf(Unreachable);
    expect(error).toMatchObject({ sent: 'maybe' });
  });
});

test('what a person does is never sent twice unseen: its lost answer is told', async () => {
  await api.put('channel', 'verbs', shop.url);
  shop.refuse('A');
  const { queueId } = await andon.enqueue(product('verbs', 'A'));
  await api.untilState(queueId, 'failed');
  proxy.toLose = 1;
  const error = await thrown(andon.skip(queueId, { reason: 'gone' }));
  expect(error).toBeInstanceOf(Unreachable);
  expect(error).toMatchObject({ sent: 'maybe' });
  expect((await andon.item(queueId)).state).toBe('skipped');
});

test('a list is one stream over its pages', async () => {
  const channel = await standing('many');
  const skus = Array.from({ length: 450 }, (_, n) => `S${n}`);
  await andon.enqueueBatch(skus.map((sku) => product(channel, sku)));
  const seen: string[] = [];
  for await (const { title } of andon.search({ queue: 'channel.many', state: 'waiting' }))
    seen.push(title);
  expect(seen).toEqual(skus.reverse());
});

test('a refusal is typed: what kind it is, where it is, and a page that helps', async () => {
  const channel = await standing('wrong');
  const wrong = await thrown(andon.enqueue({ instruction: 'add_product', channel }));
  expect(wrong).toBeInstanceOf(ApiProblem);
  expect(wrong).toMatchObject({
    type: 'invalid-input',
    status: 422,
    errors: [{ pointer: '/data/sku' }, { pointer: '/data/title' }],
  });
  const none = (await thrown(andon.item(999_999_999))) as ApiProblem;
  expect(none.type).toBe('not-found');
  const page = await fetch(new URL(none.problem.type, api.url));
  expect(page.status).toBe(200);
  expect(await thrown(new AndonClient({ url: api.url }).summary())).toMatchObject({
    type: 'unauthorized',
  });
});

test('every call of the API can be made with the client', async () => {
  const made = new Set<string>();
  const record: typeof fetch = async (to, init) => {
    made.add(`${init?.method} ${new URL(String(to)).pathname}`);
    return Response.json({ items: [], nextCursor: null });
  };
  const c = new AndonClient({ url: 'http://andon.example', fetch: record });
  const settings = { description: 'x', connector: { type: 'http' } };
  const override = { types: ['queueError'], recipients: ['a@b.example'] };
  await Promise.all([
    c.enqueue(product('X', 'A')),
    c.enqueueBatch([product('X', 'A')]),
    c.item(1),
    c.retry(1),
    c.skip(1),
    c.undoSkip(1),
    c.resolve(1),
    c.edit(1, {}),
    c.retryMany({ queue: 'X' }),
    c.skipMany({ queue: 'X' }),
    collect(c.search()),
    collect(c.queues()),
    c.queue('X'),
    c.pause('X'),
    c.resume('X'),
    c.clear('X', 'why'),
    c.summary(),
    c.fleet(),
    c.pauseFleet('why'),
    c.resumeFleet(),
    ...(['channel', 'source', 'service'] as const).flatMap((kind) => [
      c.putEndpoint(kind, 'X', settings),
      collect(c.endpoints(kind)),
      c.endpoint(kind, 'X'),
      c.deleteEndpoint(kind, 'X'),
    ]),
    c.putWebhook('X', { url: 'http://x', description: 'x' }),
    collect(c.webhooks()),
    c.webhook('X'),
    c.rotateWebhook('X'),
    c.enableWebhook('X'),
    c.deleteWebhook('X'),
    c.createKey({ scopes: ['read'] }),
    collect(c.keys()),
    c.revokeKey('X'),
    collect(c.audit()),
    c.addUser({ name: 'X', role: 'viewer' }),
    collect(c.users()),
    c.changeUser('X', {}),
    c.newPassword('X'),
    c.endSessions('X'),
    collect(c.alertLists()),
    c.putAlertList({ recipients: [] }),
    collect(c.overrides()),
    c.createOverride(override),
    c.changeOverride('X', override),
    c.deleteOverride('X'),
    collect(c.notificationTypes()),
    c.alertRoute({ type: 'queueError' }),
    collect(c.alertWarnings()),
    collect(c.incidents()),
    c.incident(1),
    c.claimIncident(1),
    c.releaseIncident(1),
    c.snoozeIncident(1, '2099-01-01T00:00:00Z'),
  ]);
  const table = routesOf({ connectorTypes: { guard: {} } } as Services).map(
    ({ method, path }) =>
      `${method.toUpperCase()} ${path.replace(/:(queueId|id|name)/, (_, part: string) =>
        part === 'queueId' || /incidents/.test(path) ? '1' : 'X',
      )}`,
  );
  expect([...made].sort()).toEqual(table.sort());
});
