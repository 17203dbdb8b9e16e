import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api, type Body } from '../support/api.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
let api: Api;
let operator: Person;
let other: Person;
let cape: Person;

beforeAll(async () => {
  api = await Api.start(redis, { roles: ['api', 'worker'] });
  operator = await Person.of(api, { name: 'thandi', role: 'operator' });
  other = await Person.of(api, { name: 'acme-op', role: 'operator', clients: ['acme'] });
  cape = await Person.of(api, { name: 'cape-op', role: 'operator', clients: ['cape'] });
});

let outages = 0;

/** A shop of its own that refuses the first item of each of its channels, all for one reason. */
async function cluster(count: number, client = 'cape') {
  outages += 1;
  const shop = await FarSide.start();
  const bad = Array.from({ length: count }, (_, n) => `BAD-${outages}-${n}`);
  shop.refuse(...bad);
  const ids: number[] = [];
  for (const [n, sku] of bad.entries()) {
    const channel = `o${outages}-${n}`;
    await api.put('channel', channel, shop.url, { client });
    const [id, next] = await api.add(channel, sku, `${sku}-next`);
    await api.untilState(id, 'failed');
    ids.push(id ?? 0);
    expect(next).toBeDefined();
  }
  const host = new URL(shop.url).host;
  const row = (text: string) =>
    text.split('<tr ').find((one) => one.includes(host) && one.includes('/clusters/')) ?? '';
  const list = row((await operator.get('/clusters')).text);
  const key = /\/clusters\/([\w-]+)"/.exec(list)?.[1] ?? '';
  return { shop, ids, bad, key, list, host, row };
}

const picksOf = (text: string) =>
  [...text.matchAll(/name="pick" value="([^"]+)"/g)].map(([, value]) => value ?? '');

const run = (person: Person, key: string, pick: string[], fields: Record<string, string>) =>
  person.post(`/clusters/${key}/run`, { ...fields, pick });

async function begun(person: Person, key: string, picks: string[], fields: Record<string, string>) {
  const { headers } = await run(person, key, picks, { title: 'test', ...fields });
  const path = String(headers.location);
  expect(path).toMatch(/^\/runs\//);
  return path;
}

const untilRun = (path: string, state: string, person = operator) =>
  until(`the run to be ${state}`, async () => {
    const { text } = await person.get(path);
    return text.includes(`<span class="badge ${state}">`) ? text : null;
  }) as Promise<string>;

const states = async (ids: readonly number[]) =>
  Promise.all(ids.map(async (id) => String((await api.item(id)).state)));

describe('clusters', () => {
  test('put together what failed alike, whatever SKU or number the error names', async () => {
    const { list, key } = await cluster(3);
    expect(list).toContain('>3</td>');
    expect(list).toContain('3 queues');
    const { text } = await operator.get(`/clusters/${key}`);
    expect(text).toContain('3 items failed alike');
    expect(picksOf(text)).toHaveLength(3);
  });

  test('do not exist for people of another client', async () => {
    const { key, host } = await cluster(1);
    expect((await other.get('/clusters')).text).not.toContain(host);
    expect((await other.get(`/clusters/${key}`)).status).toBe(404);
    expect((await cape.get(`/clusters/${key}`)).status).toBe(200);
  });
});

describe('retrying a cluster', () => {
  test('is done to exactly what was shown and ticked, under the name of who did it', async () => {
    const { shop, ids, key } = await cluster(3);
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    shop.answer = () => ({ status: 200 });
    // Item 0 is left unticked; item 1 fails anew meanwhile, and nobody has looked at that.
    shop.refuse(...['BAD-x']);
    const second = await api.item(ids[1] ?? 0);
    shop.answer = () => ({ status: 422, body: { detail: 'something else is wrong' } });
    await api.ok('POST', `/v1/items/${ids[1]}/retry`);
    await until('it to fail anew', async () => {
      const item: Body = await api.item(ids[1] ?? 0);
      const error = (one: Body) => (one['error'] as { at: string } | null)?.at;
      return item.state === 'failed' && error(item) !== error(second);
    });
    shop.answer = () => ({ status: 200 });
    const ticked = picks.filter((pick) => !pick.startsWith(`${ids[0]}@`));
    const path = await begun(operator, key, ticked, { verb: 'retry', canary: '0' });
    const text = await untilRun(path, 'done');
    expect(await states(ids)).toEqual(['failed', 'failed', 'completed']);
    expect(text).toContain('has failed anew since it was shown');
    expect(text).toContain('1 left as they were');
    const third = await api.item(ids[2] ?? 0);
    expect(third.history.at(-1)).toMatchObject({ action: 'retry', actor: 'user thandi' });
    const audit = (await operator.get('/audit?action=bulk-retry')).text;
    expect(audit).toContain('user thandi');
  });

  test('begins with the canary, and stops when it fails again', async () => {
    const { ids, key } = await cluster(4);
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    const before = await Promise.all(ids.map((id) => api.item(id)));
    const path = await begun(operator, key, picks, { verb: 'retry', canary: '1' });
    const text = await untilRun(path, 'stopped');
    expect(text).toContain('has no price');
    expect(text).toContain('3 not reached');
    const after = await Promise.all(ids.map((id) => api.item(id)));
    const attempts = (items: readonly Body[]) => items.map((one) => Number(one['attempts']));
    expect(attempts(after)).toEqual([2, ...attempts(before).slice(1)]);
  });

  test('goes on with the rest when the canary went well', async () => {
    const { shop, ids, bad, key } = await cluster(4);
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    const from = shop.deliveries.length;
    shop.answer = () => ({ status: 200 });
    const path = await begun(operator, key, picks, { verb: 'retry', canary: '1' });
    await untilRun(path, 'done');
    expect(await states(ids)).toEqual(Array(4).fill('completed'));
    const first = shop.skus.slice(from).filter((sku) => bad.includes(String(sku)));
    expect(first[0]).toBe(bad[0]);
  });

  test('waits for the canary, and a cancel meanwhile leaves the rest as it was', async () => {
    const { shop, ids, key } = await cluster(3);
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    shop.answer = async () => {
      await held;
      return { status: 200 };
    };
    const path = await begun(operator, key, picks, { verb: 'retry', canary: '1' });
    await api.untilState(ids[0], 'active');
    expect((await operator.get(path)).text).toContain('Waits for what becomes of the first one');
    await operator.post(`${path}/cancel`);
    const text = await untilRun(path, 'cancelled');
    expect(text).toContain('Cancelled by user thandi');
    letGo();
    await api.untilState(ids[0], 'completed');
    expect(await states(ids)).toEqual(['completed', 'failed', 'failed']);
    // And it can be gone on with.
    const { headers } = await operator.post(`${path}/continue`);
    await untilRun(String(headers.location), 'done');
    expect(await states(ids)).toEqual(['completed', 'completed', 'completed']);
  });

  test('whose process died says so on any other, and can be gone on with', async () => {
    const { shop, ids, key } = await cluster(2);
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    const path = await begun(operator, key, picks, { verb: 'retry', canary: '1' });
    await untilRun(path, 'stopped');
    const id = path.slice('/runs/'.length);
    // As a crash leaves it: it was running, and nobody renews its lease.
    await api.redis.hset(api.keys.bulkRun(id), 'state', 'running');
    await api.redis.del(api.keys.bulkLease(id));
    const text = await untilRun(path, 'interrupted');
    expect(text).toContain('the process that did it has ended');
    shop.answer = () => ({ status: 200 });
    const { headers } = await operator.post(`${path}/continue`);
    await untilRun(String(headers.location), 'done');
    expect(await states(ids)).toEqual(['failed', 'completed']);
  });

  test('never reaches items of another client, whatever is sent', async () => {
    const { ids, key } = await cluster(1, 'acme');
    const at = (await api.item(ids[0] ?? 0))['error'] as { at: string };
    const picks = [`${ids[0]}@${at.at}`];
    const path = await begun(cape, key, picks, { verb: 'retry', canary: '0' });
    expect(await untilRun(path, 'done', cape)).toContain('is gone');
    expect((await api.item(ids[0] ?? 0))['attempts']).toBe(1);
    expect((await other.get(path)).status).toBe(404);
  });
});

describe('skipping a cluster', () => {
  test('of adds demands a reason', async () => {
    const { ids, key } = await cluster(2);
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    const { headers } = await run(operator, key, picks, { verb: 'skip', canary: '0' });
    expect(headers.location).not.toMatch(/^\/runs\//);
    expect(await states(ids)).toEqual(['failed', 'failed']);
  });

  test('of updates demands one as soon as queued adds or deletes would go along', async () => {
    const { shop, ids, bad, key } = await cluster(1);
    const channel = String((await api.item(ids[0] ?? 0)).queue).slice('channel.'.length);
    const { queueId: update = 0 } = await api.ok('POST', '/v1/items', {
      instruction: 'update_product',
      channel,
      data: { sku: `${bad[0]}`, price: 1 },
    });
    const gone = { instruction: 'delete_product', channel, data: { sku: `${bad[0]}` } };
    const { queueId: deleted = 0 } = await api.ok('POST', '/v1/items', gone);
    shop.refuse(String(bad[0]));
    await api.ok('POST', `/v1/items/${ids[0]}/resolve`);
    await api.untilState(update, 'failed');
    const { at } = (await api.item(update))['error'] as { at: string };
    const wish = { verb: 'skip', canary: '0' };
    const picks = [`${update}@${at}`];
    const asked = await run(operator, key, picks, { ...wish, scope: 'entity' });
    expect(asked.headers.location).not.toMatch(/^\/runs\//);
    expect(await states([update, deleted])).toEqual(['failed', 'waiting']);
    shop.answer = () => ({ status: 200 });
    await untilRun(await begun(operator, key, picks, wish), 'done');
    expect((await api.item(update)).state).toBe('skipped');
  });

  test('lets the queues go on, and stops when the next of one fails too', async () => {
    const { shop, ids, bad, key } = await cluster(3);
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    const fields = { verb: 'skip', canary: '1', reason: 'not sold' };
    shop.refuse(...bad, `${bad[0]}-next`);
    const path = await begun(operator, key, picks, fields);
    expect(await untilRun(path, 'stopped')).toContain('behind the skipped one');
    expect(await states(ids)).toEqual(['skipped', 'failed', 'failed']);
    const { headers } = await operator.post(`${path}/continue`);
    await untilRun(String(headers.location), 'done');
    expect(await states(ids)).toEqual(['skipped', 'skipped', 'skipped']);
  });

  test('tells how many would go with each scope, and takes along what was chosen', async () => {
    const { shop, ids, bad, key } = await cluster(2);
    for (const [n, sku] of bad.entries()) {
      const channel = String((await api.item(ids[n] ?? 0)).queue).slice('channel.'.length);
      const update = { instruction: 'update_product', channel, data: { sku, price: 1 } };
      await api.ok('POST', '/v1/items', update);
    }
    const picks = picksOf((await operator.get(`/clusters/${key}`)).text);
    const { text } = await operator.post(`/clusters/${key}/skip`, { pick: picks, canary: '0' });
    const choices = text.split('class="card choice"').slice(1);
    expect(choices.map((one) => /(\d+) items? go/.exec(one)?.[1])).toEqual(['2', '4', '4']);
    expect(choices[0]).toContain('2 items that stay queued need them');
    const fields = { verb: 'skip', canary: '0', scope: 'entity', reason: 'sold out' };
    const path = await begun(operator, key, picks, fields);
    const told = await untilRun(path, 'done');
    expect(told).toContain('with 1 more that was queued');
    expect(told).toContain('with everything that was queued for their SKUs and orders');
    expect(await states(ids)).toEqual(['skipped', 'skipped']);
    const updates = (await api.ok('GET', '/v1/items?instruction=update_product&state=skipped'))
      .items;
    const reasons = updates.map(({ outcome }) => (outcome as { reason?: string }).reason);
    expect(reasons.filter((reason) => reason === 'sold out')).toHaveLength(2);
    expect(shop.skus.filter((sku) => bad.includes(String(sku)))).toHaveLength(2);
  });

  test('has a preview for those who may skip, of their own clients only', async () => {
    const { ids, key } = await cluster(1, 'acme');
    const at = (await api.item(ids[0] ?? 0))['error'] as { at: string };
    const pick = [`${ids[0]}@${at.at}`];
    expect((await other.post(`/clusters/${key}/skip`, { pick })).status).toBe(200);
    expect((await cape.post(`/clusters/${key}/skip`, { pick })).status).toBe(303);
  });
});
