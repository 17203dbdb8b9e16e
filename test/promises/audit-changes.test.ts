import { beforeAll, describe, expect, test } from '@jest/globals';
import { NotReplicated } from '../../src/errors.js';
import { Audit, type AuditLine } from '../../src/queues/audit.js';
import { changeOf } from '../../src/queues/audit-change.js';
import { MASK } from '../../src/queues/redact.js';
import { Api } from '../support/api.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
let api: Api;
let admin: Person;
let shop: FarSide;

beforeAll(async () => {
  api = await Api.start(redis, { roles: ['api', 'worker'] });
  admin = await Person.of(api, { name: 'admin', role: 'admin' });
  shop = await FarSide.start();
});

/** The newest line of the audit that has all of this. */
async function line(wanted: Partial<AuditLine> & Record<string, unknown>): Promise<AuditLine> {
  const { items } = await api.ok('GET', '/v1/audit?limit=50');
  const found = (items as unknown as AuditLine[]).find((one) =>
    Object.entries(wanted).every(([name, value]) => one[name] === value),
  );
  return found ?? (expect(items).toContainEqual(expect.objectContaining(wanted)) as never);
}

const settings = (more: object = {}) => ({
  description: 'Cape Shopify',
  connector: { type: 'http', url: shop.url, headers: { 'X-Key': 'canary-header' } },
  ...more,
});

describe('the audit tells what was before and what is after', () => {
  test('of a channel: what was set, only what was changed, and what was removed', async () => {
    await api.ok('PUT', '/v1/channels/a1', settings({ client: 'cape' }));
    expect(await line({ endpoint: 'channel.a1', action: 'create' })).toMatchObject({
      client: 'cape',
      after: { description: 'Cape Shopify', connector: { type: 'http', url: shop.url } },
    });
    const rateLimit = { max: 2, per: 'second' };
    await api.ok('PUT', '/v1/channels/a1', settings({ client: 'cape', rateLimit }));
    const changed = await line({ endpoint: 'channel.a1', action: 'change' });
    expect([changed['before'], changed['after']]).toEqual([
      { rateLimit: null },
      { rateLimit: expect.objectContaining({ max: 2 }) },
    ]);
    await api.ok('DELETE', '/v1/channels/a1');
    const gone = await line({ endpoint: 'channel.a1', action: 'delete' });
    expect(gone['before']).toMatchObject({ description: 'Cape Shopify' });
    expect(gone['after']).toBeUndefined();
  });

  test('of its secrets: that they changed, never what they are', async () => {
    await api.ok('PUT', '/v1/channels/a2', settings());
    const connector = { type: 'http', url: shop.url, headers: { 'X-Key': 'canary-other' } };
    await api.ok('PUT', '/v1/channels/a2', { ...settings(), connector });
    const changed = await line({ endpoint: 'channel.a2', action: 'change' });
    expect(changed['after']).toEqual({ connector: { headers: `${MASK} (new)` } });
    expect((await api.call('GET', '/v1/audit?limit=200')).text).not.toContain('canary-');
    const stored = JSON.stringify(await api.dump());
    expect(stored).not.toContain('canary-other');
  });

  test('of an item: the fields that were edited, without secrets, in the audit itself', async () => {
    await api.put('channel', 'a3', shop.url);
    await api.ok('POST', '/v1/queues/channel.a3/pause');
    const data = { sku: 'S', title: 'T', price: 1.1, apiKey: 'canary-1', text: 'x'.repeat(5_000) };
    const { queueId } = await api.ok('POST', '/v1/items', {
      instruction: 'add_product',
      channel: 'a3',
      data,
    });
    const next = { ...data, price: 12345678901234.5, apiKey: 'canary-2', text: 'y'.repeat(5_000) };
    await api.ok('PATCH', `/v1/items/${queueId}`, { data: next });
    const edited = await line({ queueId: Number(queueId), action: 'edit' });
    expect(edited['before']).toMatchObject({ price: 1.1, apiKey: MASK });
    expect(edited['after']).toMatchObject({ price: 12345678901234.5, apiKey: `${MASK} (new)` });
    expect(edited['before']).not.toHaveProperty('sku');
    expect(JSON.stringify(edited)).not.toContain('canary-');
    expect(JSON.stringify(edited).length).toBeLessThan(2_000);
    const { text } = await admin.get(`/audit?item=${queueId}`);
    expect(text).toMatch(/<dt>price<\/dt><dd><del>1\.1<\/del> <ins>12345678901234\.5<\/ins><\/dd>/);
    expect(text).not.toContain('canary-');
  });

  test('of two edits at once: each tells what it really changed', async () => {
    const { queueId } = await api.ok('POST', '/v1/items', {
      instruction: 'add_product',
      channel: 'a3',
      data: { sku: 'R', title: 'T', price: 0 },
    });
    const edit = (price: number) =>
      api.ok('PATCH', `/v1/items/${queueId}`, { data: { sku: 'R', title: 'T', price } });
    await Promise.all([edit(1), edit(2)]);
    const { items } = await api.ok('GET', '/v1/audit?limit=20');
    const steps = (items as unknown as AuditLine[])
      .filter((one) => one.queueId === queueId && one.action === 'edit')
      .map(({ before, after }) => [before, after].map((side) => (side as { price: number }).price))
      .reverse();
    expect(steps).toHaveLength(2);
    expect(steps[0]?.[0]).toBe(0);
    expect(steps[1]?.[0]).toBe(steps[0]?.[1]);
  });

  test('of who is told', async () => {
    const put = (address: string) =>
      api.ok('PUT', '/v1/alerts/recipients', { client: 'cape', recipients: [{ address }] });
    await put('ann@cape.example');
    await put('bob@cape.example');
    expect(await line({ recipients: 'cape', action: 'change' })).toMatchObject({
      before: { recipients: [{ address: 'ann@cape.example' }] },
      after: { recipients: [{ address: 'bob@cape.example' }] },
    });
    const wish = { types: ['queueError'], recipients: [{ address: 'eve@cape.example' }] };
    const { id } = await api.ok('POST', '/v1/alerts/overrides', wish);
    await api.ok('PUT', `/v1/alerts/overrides/${id}`, { ...wish, types: ['queueOrder'] });
    await api.ok('DELETE', `/v1/alerts/overrides/${id}`);
    expect(await line({ override: id, action: 'create' })).toMatchObject({
      after: { types: ['queueError'], recipients: [{ address: 'eve@cape.example' }] },
    });
    const changed = await line({ override: id, action: 'change' });
    expect([changed['before'], changed['after']]).toEqual([
      { types: ['queueError'] },
      { types: ['queueOrder'] },
    ]);
    expect(await line({ override: id, action: 'delete' })).toMatchObject({
      before: { types: ['queueOrder'] },
    });
  });

  test('of webhooks and keys, with all that a key may', async () => {
    const webhook = (description: string) =>
      api.ok('PUT', '/v1/webhooks/w1', { url: shop.url, description });
    await webhook('one');
    await webhook('two');
    const changed = await line({ webhook: 'w1', action: 'change' });
    expect([changed['before'], changed['after']]).toEqual([
      { description: 'one' },
      { description: 'two' },
    ]);
    await api.ok('POST', '/v1/webhooks/w1/rotate');
    expect(await line({ webhook: 'w1', action: 'rotate' })).toMatchObject({
      after: { formerSignsUntil: expect.any(String) },
    });
    const grant = { scopes: ['read'], client: 'cape', channels: ['a1', 'a2'] };
    const { id } = await api.ok('POST', '/v1/keys', grant);
    expect(await line({ key: id, action: 'create' })).toMatchObject({ after: grant });
    await api.ok('DELETE', `/v1/keys/${id}`);
    expect(await line({ key: id, action: 'delete' })).toMatchObject({ before: grant });
  });
});

test('a line stays with the client of its time, when its channel is another’s later', async () => {
  const url = 'http://acme.example/secret-path';
  const connector = { type: 'http', url };
  await api.ok('PUT', '/v1/channels/a9', { description: 'Acme', client: 'acme', connector });
  await api.ok('DELETE', '/v1/channels/a9');
  await api.ok('PUT', '/v1/channels/a9', settings({ client: 'cape' }));
  const jane = await Person.of(api, { name: 'jane', role: 'operator', clients: ['cape'] });
  const { text } = await jane.get('/audit');
  expect(text).toContain('channel.a9');
  expect(text).not.toContain('acme.example');
});

test('a change is answered with success only when its line is as safe as the change', async () => {
  const [shard] = api.keys.shards;
  const covered: string[] = [];
  const audit = new Audit(api.redis, api.keys, {
    async cover(write, key) {
      covered.push(key);
      await write();
      throw new NotReplicated(0, 1);
    },
  });
  await expect(audit.write('x', 'change', {})).rejects.toBeInstanceOf(NotReplicated);
  expect(covered).toEqual([shard!.durable]);
  // A login is no such change: it must go on when a replica is away.
  await audit.note('x', 'login', {});
  expect(covered).toHaveLength(1);
});

test('large data is cut, whatever is large in it', () => {
  const wide = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`f${n}`, n]));
  const deep = (n: number): object =>
    n === 0 ? { x: 'y'.repeat(250) } : { a: deep(n - 1), b: deep(n - 1) };
  for (const [before, after] of [
    [wide, {}],
    [{}, { list: Array.from({ length: 10_000 }, (_, n) => n) }],
    [{}, deep(8)],
    [{ text: 'a'.repeat(100_000) }, { text: 'b'.repeat(100_000) }],
  ])
    expect(JSON.stringify(changeOf(before, after)).length).toBeLessThan(17_000);
  expect(changeOf({ a: 1, b: { c: 1, d: 2 } }, { a: 1, b: { c: 1, d: 3 } })).toEqual({
    before: { b: { d: 2 } },
    after: { b: { d: 3 } },
  });
  expect(changeOf({ a: 1 }, { a: 1 })).toEqual({});
});
