import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { Api } from '../support/api.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const config = join(await temporaryDirectory(), 'andon.yaml');
await writeFile(
  config,
  'retry: { send_webhook: { firstDelayMs: 20, maxDelayMs: 50 } }\nfleet: { tendMs: 20 }\n',
);

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver as its makers would write it: keeps what comes, checks nothing. */
const got: Got[] = [];
let answer = () => ({ status: 200, body: '<html>thanks</html>' });
const receiver = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  got.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
  const { status, body } = answer();
  response.writeHead(status).end(body);
});

let api: Api;
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`;
  api = await Api.start(redis, { roles: ['api', 'worker'], config });
});
afterAll(() => {
  receiver.closeAllConnections();
  receiver.close();
});
beforeEach(() => {
  got.length = 0;
  answer = () => ({ status: 200, body: '<html>thanks</html>' });
});

let last = 0;
const put = async (more: object = {}) => {
  last += 1;
  const id = `crm${last}`;
  const made = await api.ok('PUT', `/v1/webhooks/${id}`, { url, description: 'CRM', ...more });
  return { id, secret: made.secret };
};
const event = (endpoint: string, data: object = {}) => ({
  instruction: 'send_webhook',
  data: { endpoint, event: 'order.created', data: { order: 1001 }, ...data },
});
const send = async (endpoint: string) =>
  (await api.ok('POST', '/v1/items', event(endpoint))).queueId;

/** As a receiver checks with the library of its language. @throws when the signature does not fit */
const verified = (secret: string, { headers, body }: Got) =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

test('an event arrives signed, so that the receiver’s library accepts it', async () => {
  const { id, secret } = await put();
  const queueId = await send(id);
  await api.untilState(queueId, 'completed');
  expect(verified(secret, got[0]!)).toEqual({
    type: 'order.created',
    timestamp: expect.stringMatching(/^\d{4}-/),
    data: { order: 1001 },
  });
  expect(got[0]?.headers['webhook-id']).toBe(String(queueId));
  // Which webhook: its address may be as good as a password.
  expect((await api.item(queueId))['request']).toBe(`POST to webhook ${id}`);
});

test('the secret is shown once', async () => {
  const { id, secret } = await put();
  expect(secret).toMatch(/^whsec_/);
  const again = await api.call('PUT', `/v1/webhooks/${id}`, {
    body: { url, description: 'CRM 2' },
  });
  for (const text of [
    again.text,
    (await api.call('GET', `/v1/webhooks/${id}`)).text,
    (await api.call('GET', '/v1/webhooks')).text,
  ])
    expect(text).not.toContain('whsec_');
  expect(await api.redis.hget(api.keys.registry.secrets, `webhook.${id}`)).toMatch(/^sealed1\./);
});

test('while secrets change, old and new receivers accept every event; then only new ones', async () => {
  const { id, secret: old } = await put();
  const { secret: fresh } = await api.ok('POST', `/v1/webhooks/${id}/rotate`);
  await api.untilState(await send(id), 'completed');
  expect(got[0]?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
  verified(old, got[0]!);
  verified(fresh, got[0]!);
  await api.ok('POST', `/v1/webhooks/${id}/rotate`, { overlapHours: 0 });
  await api.untilState(await send(id), 'completed');
  expect(() => verified(fresh, got[1]!)).toThrow();
});

test('410 Gone disables it: seen, audited, refused at the enqueue, until somebody enables it', async () => {
  const { id } = await put();
  answer = () => ({ status: 410, body: '' });
  const queueId = await send(id);
  const failed = await api.untilState(queueId, 'failed');
  expect(failed['error']).toMatchObject({
    status: 410,
    message: expect.stringContaining('disabled'),
  });
  expect((await api.ok('GET', `/v1/webhooks/${id}`))['disabled']).toMatchObject({
    reason: 'it answered 410 Gone',
  });
  const audit = await api.ok('GET', '/v1/audit');
  expect(audit.items).toContainEqual(
    expect.objectContaining({ actor: 'andon', action: 'disable', webhook: id }),
  );
  const refused = await api.call('POST', '/v1/items', { body: event(id) });
  expect([refused.status, refused.body.errors[0]?.pointer]).toEqual([422, '/data/endpoint']);
  await api.ok('POST', `/v1/items/${queueId}/retry`);
  await until(
    'a second failure',
    async () =>
      (await api.item(queueId))['attempts'] === 2 && (await api.item(queueId)).state === 'failed',
  );
  expect(got).toHaveLength(1);
  answer = () => ({ status: 204, body: '' });
  await api.ok('POST', `/v1/webhooks/${id}/enable`);
  await api.ok('POST', `/v1/items/${queueId}/retry`);
  await api.untilState(queueId, 'completed');
});

test.each([[500], [429], [404], [401]])('%i is tried again', async (status) => {
  const { id } = await put();
  let times = 0;
  answer = () => {
    times += 1;
    return { status: times < 3 ? status : 200, body: 'no' };
  };
  const queueId = await send(id);
  if (status === 429) {
    // Throttled, it waits for its time; nobody wants to here.
    await api.untilState(queueId, 'backing-off');
    return;
  }
  await api.untilState(queueId, 'completed');
  expect(got.map(({ headers }) => headers['webhook-id'])).toEqual(Array(3).fill(String(queueId)));
});

test('a redirect is not followed', async () => {
  const { id } = await put();
  answer = () => ({ status: 302, body: '' });
  await api.untilState(await send(id), 'failed');
  expect(got).toHaveLength(1);
});

describe('only registered addresses are sent to', () => {
  test.each([
    ['one that is not registered', 'nowhere', {}, '/data/endpoint'],
    ['a URL', 'http://127.0.0.1:9/', {}, '/data/endpoint'],
  ])('%s is refused', async (_, endpoint, data, pointer) => {
    const refused = await api.call('POST', '/v1/items', { body: event(endpoint, data) });
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0]?.pointer).toBe(pointer);
  });

  test('an event that it does not take is refused, in a batch with its place', async () => {
    const { id } = await put({ events: ['order.paid'] });
    const items = [event(id, { event: 'order.paid' }), event(id)];
    const refused = await api.call('POST', '/v1/items/batch', { body: { items } });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([
      { pointer: '/items/1/data/event', detail: expect.stringContaining('order.paid') },
    ]);
  });

  test('one that is narrowed is not sent what waits and is not for it any more', async () => {
    const { id } = await put();
    answer = () => ({ status: 503, body: '' });
    const { queueId } = await api.ok('POST', '/v1/items', event(id));
    await until('it to be tried', () => got.length > 0);
    await api.ok('PUT', `/v1/webhooks/${id}`, { url, description: 'CRM', events: ['order.paid'] });
    const item = await api.untilState(queueId, 'completed');
    expect(item['outcome']).toEqual({ result: { notSent: `"${id}" takes order.paid only` } });
    // Whoever says nothing, or null, takes everything again.
    const wide = await api.ok('PUT', `/v1/webhooks/${id}`, {
      ...{ url, description: 'CRM', events: null, client: null },
    });
    expect(wide).toMatchObject({ events: null, client: null });
    answer = () => ({ status: 200, body: '' });
    const next = await api.ok('POST', '/v1/items', event(id));
    await api.untilState(next.queueId, 'completed');
    expect(JSON.parse(got.at(-1)!.body)).toMatchObject({ type: 'order.created' });
  });

  test.each([
    ['http://169.254.169.254/latest'],
    ['http://10.0.0.1/'],
    ['ftp://x.example/'],
    ['http://u:p@x.example/'],
  ])('%s cannot be registered', async (bad) => {
    const refused = await api.call('PUT', '/v1/webhooks/bad', {
      body: { url: bad, description: 'x' },
    });
    expect([refused.status, refused.body.errors[0]?.pointer]).toEqual([422, '/url']);
  });

  test('another client’s webhook does not exist', async () => {
    const { id } = await put({ client: 'acme' });
    const { key } = await api.ok('POST', '/v1/keys', { scopes: ['admin'], client: 'other' });
    expect((await api.call('GET', `/v1/webhooks/${id}`, { key })).status).toBe(404);
    expect((await api.ok('GET', '/v1/webhooks', undefined, key)).items).toEqual([]);
    for (const [method, path] of [
      ['PUT', ''],
      ['POST', '/rotate'],
      ['POST', '/enable'],
      ['DELETE', ''],
    ] as const) {
      const body = method === 'PUT' ? { url, description: 'x', client: 'other' } : undefined;
      expect((await api.call(method, `/v1/webhooks/${id}${path}`, { key, body })).status).toBe(404);
    }
    const refused = await api.call('POST', '/v1/items', { key, body: event(id) });
    expect([refused.status, refused.body.errors[0]?.pointer]).toEqual([422, '/data/endpoint']);
    const mixed = await api.call('POST', '/v1/items', { body: { ...event(id), client: 'other' } });
    expect(mixed.status).toBe(422);
  });

  test('one that was deleted is sent nothing more, and its secret is gone', async () => {
    const { id } = await put();
    await api.ok('DELETE', `/v1/webhooks/${id}`);
    expect((await api.call('POST', '/v1/items', { body: event(id) })).status).toBe(422);
    expect(await api.redis.hexists(api.keys.registry.secrets, `webhook.${id}`)).toBe(0);
  });
});
