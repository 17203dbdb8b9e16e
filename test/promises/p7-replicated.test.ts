import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Api, product } from '../support/api.js';
import { Network } from '../support/network.js';
import type { TestRedis } from '../support/redis.js';
import { endShapes, ReplicaSet } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

afterAll(endShapes);

/** A master with one replica that follows over a network of the test's. */
async function pair() {
  const set = await ReplicaSet.start({ replicas: 1, sentinels: 0 });
  const [master, replica] = set.servers;
  if (!master || !replica) throw new Error('there are no two servers');
  const network = await Network.before(master.url);
  await replica.call('REPLICAOF', '127.0.0.1', new URL(network.url).port);
  await until(
    'the replica to follow',
    async () => (await replica.info('master_link_status')) === 'up',
  );
  return { master, replica, network };
}

const asTestRedis = (url: string): TestRedis => ({
  url,
  dataDir: '',
  freshPrefix: () => `t${randomBytes(6).toString('hex')}`,
});

const start = (url: string, durability: string, more: object = {}) =>
  Api.start(asTestRedis(url), {
    environment: { ANDON_DURABILITY: durability, ANDON_REPLICAS_WAIT_MS: '200' },
    ...more,
  });

const PARALLEL_ASKERS = 16;

/** Enqueues for as long as told; answers the ids that were answered with success. */
async function load(api: Api, until: () => boolean) {
  const accepted: number[] = [];
  let refused = 0;
  const ask = async (asker: number) => {
    for (let n = 0; !until(); n += 1) {
      const body = product('12', `${asker}-${n}`);
      const answer = await api.call('POST', '/v1/items', { body });
      if (answer.status === 202) accepted.push(answer.body.queueId);
      else refused += 1;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_ASKERS }, (_, asker) => ask(asker)));
  return { accepted, refused };
}

/** The replica falls behind, the master dies, the replica takes over: which of the accepted are gone? */
async function failover(durability: 'local' | 'replicated') {
  const { master, replica, network } = await pair();
  const api = await start(master.url, durability);
  await api.put('channel', '12');
  await until('the channel to be on the replica', async () => {
    return (await replica.call('HLEN', api.keys.registry.endpoints)) === 1;
  });
  const begun = performance.now();
  let stalled = false;
  const { accepted, refused } = await load(api, () => {
    const ms = performance.now() - begun;
    if (ms > 700 && !stalled) network.stall();
    stalled ||= ms > 700;
    return ms > 1_700;
  });
  const { prefix } = api;
  await api.stop();
  await master.kill();
  network.end();
  await replica.call('REPLICAOF', 'NO', 'ONE');
  const heir = await Api.start(asTestRedis(replica.url), { prefix });
  const found = new Set<number>();
  for (const id of accepted)
    if ((await heir.call('GET', `/v1/items/${id}`)).status === 200) found.add(id);
  const next = (await heir.add('12', 'after'))[0] ?? 0;
  await heir.stop();
  const lost = accepted.filter((id) => !found.has(id)).length;
  return { accepted: accepted.length, refused, lost, last: Math.max(...accepted), next };
}

describe('P7 with `durability: replicated`', () => {
  it('loses nothing it accepted when a replica that lagged takes over; without, it would', async () => {
    const local = await failover('local');
    const replicated = await failover('replicated');
    console.info(JSON.stringify({ local, replicated }));
    expect(local.lost).toBeGreaterThan(0);
    expect(replicated.lost).toBe(0);
    expect(replicated.accepted).toBeGreaterThan(5);
    expect(replicated.refused).toBeGreaterThan(0);
  }, 40_000);

  it('never gives out a queue id again that the lost master may have given out', async () => {
    const { next, last } = await failover('local');
    expect(next).toBeGreaterThan(last);
  }, 20_000);

  it('gives out other ids on each of two heirs, neither of which heard of what the other did', async () => {
    const set = await ReplicaSet.start({ replicas: 2, sentinels: 0 });
    const [master, ...heirs] = set.servers;
    const api = await start(master!.url, 'local');
    await api.put('channel', '12');
    await api.add('12', 'a');
    const { prefix } = api;
    for (const heir of heirs)
      await until(
        'the item to be there',
        async () => (await heir.call('EXISTS', `{${prefix}:s0}:andon:items`)) === 1,
      );
    await api.stop();
    await master!.kill();
    const ids: number[] = [];
    const second = () => Math.floor(Date.now() / 1_000);
    for (const heir of heirs) {
      const before = second();
      await until('another second', () => second() > before);
      await heir.call('REPLICAOF', 'NO', 'ONE');
      const reigning = await Api.start(asTestRedis(heir.url), { prefix });
      ids.push(...(await reigning.add('12', 'b', 'c', 'd')));
      await reigning.stop();
    }
    expect(new Set(ids).size).toBe(6);
  }, 40_000);

  it('answers 503 while no replica has it, and the same key then gives the one item', async () => {
    const { master, network } = await pair();
    const api = await start(master.url, 'replicated');
    await api.put('channel', '12');
    network.stall();
    const ask = () =>
      api.call('POST', '/v1/items', {
        body: product('12', 'a'),
        headers: { 'idempotency-key': 'one' },
      });
    for (let n = 0; n < 2; n += 1) {
      const refused = await ask();
      expect(refused.status).toBe(503);
      expect(refused.headers['retry-after']).toBe('2');
      expect(refused.body.type).toBe('/problems/not-replicated');
      expect(refused.body.detail).toMatch(/Idempotency-Key/);
    }
    network.heal();
    const accepted = await until('an answer', async () => {
      const answer = await ask();
      return answer.status === 202 ? answer : null;
    });
    expect(accepted.headers['idempotent-replayed']).toBe('true');
    const { items } = await api.ok('GET', '/v1/items?queue=channel.12');
    expect(items.map((item) => item.queueId)).toEqual([accepted.body.queueId]);
  }, 20_000);

  it('holds for what people do too, and reading waits for nobody', async () => {
    const { master, network } = await pair();
    const api = await start(master.url, 'replicated', {
      environment: { ANDON_DURABILITY: 'replicated', ANDON_REPLICAS_WAIT_MS: '3000' },
    });
    await api.put('channel', '12');
    network.stall();
    const asked = [
      api.call('POST', '/v1/queues/channel.12/pause', { body: { reason: 'x' } }),
      api.call('PUT', '/v1/channels/13', {
        body: { description: 'x', connector: { type: 'http', url: 'http://127.0.0.1:9/' } },
      }),
      api.call('PUT', '/v1/alerts/recipients', { body: { recipients: [] } }),
      api.call('POST', '/v1/users', { body: { name: 'vera', role: 'viewer' } }),
    ];
    const begun = performance.now();
    expect((await api.call('GET', '/v1/queues')).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(2_500);
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([503, 503, 503, 503]);
  }, 20_000);
});
