import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { pause } from '../../src/lifecycle.js';
import { Keys } from '../../src/redis/keys.js';
import { Api, product } from '../support/api.js';
import type { TestRedis } from '../support/redis.js';
import { Cluster, endShapes, ReplicaSet } from '../support/redis-shapes.js';
import { until } from '../support/until.js';
import { Witness } from '../support/witness.js';

afterAll(endShapes);

const CHANNELS = ['1', '2', '3'];
const witnesses = await Promise.all(
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(() => new Witness().start()),
);

/** The test is about Redis: a delivery that breaks otherwise is tried again soon. */
const retry = { firstDelayMs: 50, maxDelayMs: 200 };
/** Nothing may take longer than this to go on after a failover, in milliseconds. */
const RECOVERY_MS = 20_000;

const asTestRedis = (url: string): TestRedis => ({
  url,
  dataDir: '',
  freshPrefix: () => `t${randomBytes(6).toString('hex')}`,
});

/** One process of everything on a replica set, its shop, and a producer that repeats until it is told yes. */
async function plant(set: { url: string }, environment: Record<string, string>) {
  const witness = witnesses.pop();
  if (!witness) throw new Error('start more witnesses');
  const api = await Api.start(asTestRedis(set.url), {
    roles: ['api', 'worker'],
    environment: { ANDON_DURABILITY: 'replicated', ANDON_LOCK_MS: '1000', ...environment },
  });
  for (const channel of CHANNELS) await api.put('channel', channel, witness.url, { retry });
  const accepted = new Map<string, string[]>(CHANNELS.map((channel) => [channel, []]));
  /** In turn, so that the order in which they were accepted is known: a key is sent until it is accepted. */
  const produce = async (channel: string, name: string, count: number) => {
    for (let n = 0; n < count; n += 1) {
      const title = `${name}-${n}`;
      await until(
        `${title} to be accepted`,
        async () => {
          const answer = await api.call('POST', '/v1/items', {
            body: product(channel, title),
            headers: { 'idempotency-key': title },
          });
          if (answer.status >= 400 && answer.status !== 503)
            throw new Error(`${answer.status} ${answer.text}`);
          return answer.status === 202;
        },
        RECOVERY_MS,
      );
      accepted.get(channel)?.push(title);
    }
  };
  return { witness, api, accepted, produce };
}

/** While items flow, `blow` strikes; then they flow again. Answers how long nothing moved, in milliseconds. */
async function strike(
  set: { url: string },
  blow: (api: Api) => Promise<unknown>,
  environment: Record<string, string> = {},
): Promise<number> {
  const { witness, api, accepted, produce } = await plant(set, environment);
  let longest = 0;
  let last = performance.now();
  witness.answer = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    return 200;
  };
  const before = CHANNELS.map((channel) => produce(channel, `${channel}-before`, 25));
  await until('deliveries', () => witness.sightings.length > 20);
  await blow(api);
  await Promise.all(before);
  await Promise.all(CHANNELS.map((channel) => produce(channel, `${channel}-after`, 5)));
  const missing = (channel: string) =>
    (accepted.get(channel) ?? []).filter((title) => !witness.firsts(channel).includes(title));
  // What is missing after that long is for the comparison to name.
  await until(
    'all of it to be delivered',
    () => CHANNELS.every((channel) => missing(channel).length === 0),
    RECOVERY_MS,
  ).catch(() => {});
  for (const channel of CHANNELS) {
    expect(witness.firsts(channel)).toEqual(accepted.get(channel));
    await until('the queue to be through', async () => {
      const { counts } = await api.ok('GET', `/v1/queues/channel.${channel}`);
      return counts['waiting'] === 0 && counts['active'] === 0 && counts['failed'] === 0;
    });
  }
  // What was never accepted may have been delivered and forgotten: then it came again under another id.
  const titles = new Map<number, Set<string>>();
  for (const { title, queueId } of witness.sightings)
    titles.set(queueId, (titles.get(queueId) ?? new Set()).add(title));
  expect([...titles.values()].every((of) => of.size === 1)).toBe(true);
  expect(witness.sightings.filter(({ beside }) => beside.length > 0)).toEqual([]);
  await api.stop();
  return Math.round(longest);
}

describe('with Sentinel', () => {
  it('goes on in order within 20 s when the master is killed, and loses nothing accepted', async () => {
    const set = await ReplicaSet.start({ downAfterMs: 500 });
    const ms = await strike(set, () => set.failover('kill'));
    console.info(`master killed: nothing moved for ${ms} ms`);
    expect(ms).toBeLessThan(RECOVERY_MS);
    await endShapes();
  }, 60_000);

  it('goes on in order within 20 s when the master hangs and later comes back as a replica', async () => {
    const set = await ReplicaSet.start({ downAfterMs: 500 });
    const ms = await strike(set, async () => {
      const before = await set.master();
      await set.failover('stop');
      before.cont();
    });
    console.info(`master hung: nothing moved for ${ms} ms`);
    expect(ms).toBeLessThan(RECOVERY_MS);
    await endShapes();
  }, 60_000);

  it('goes on when the master steps down with the Sentinels away for a while before (B#4378)', async () => {
    const set = await ReplicaSet.start({ downAfterMs: 500 });
    const ms = await strike(set, async () => {
      await Promise.all(set.sentinels.map((one) => one.kill()));
      const master = await set.master().catch(() => null);
      expect(master).toBeNull();
      for (const server of set.servers) await server.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await Promise.all(set.sentinels.map((one) => one.start()));
      await until('the Sentinels to fail over', () => set.failover('command'), RECOVERY_MS);
    });
    console.info(`Sentinels away, then a failover: nothing moved for ${ms} ms`);
    expect(ms).toBeLessThan(RECOVERY_MS);
    await endShapes();
  }, 60_000);
});

const ASKERS = 8;

/** Keeps asking, strikes, and answers how much was accepted, and what of it is gone when all is well again. */
async function gone(set: ReplicaSet, blow: () => Promise<unknown>) {
  const api = await Api.start(asTestRedis(set.url), {
    environment: { ANDON_DURABILITY: 'replicated', ANDON_REPLICAS: '1' },
  });
  await api.put('channel', '12');
  const accepted = new Map<number, string>();
  let refused = 0;
  let over = false;
  const ask = async (asker: number) => {
    for (let n = 0; !over; n += 1) {
      const title = `${asker}-${n}`;
      const answer = await api.call('POST', '/v1/items', { body: product('12', title) });
      if (answer.status === 202) accepted.set(answer.body.queueId, title);
      else refused += 1;
    }
  };
  const asking = Promise.all(Array.from({ length: ASKERS }, (_, asker) => ask(asker)));
  await until('some to be accepted', () => accepted.size > 50);
  await blow();
  const before = accepted.size;
  await until('more to be accepted', () => accepted.size > before + 50, RECOVERY_MS);
  over = true;
  await asking;
  let lost = 0;
  for (const [id, title] of accepted) {
    const { status, body } = await api.call('GET', `/v1/items/${id}`);
    if (status !== 200 || body.data['title'] !== title) lost += 1;
  }
  await api.stop();
  return { accepted: accepted.size, refused, lost };
}

describe('with Sentinel, two replicas and ANDON_REPLICAS=1', () => {
  it('loses nothing accepted when the master hangs and wakes while one of them still follows it', async () => {
    const set = await ReplicaSet.start({ downAfterMs: 500 });
    const found = await gone(set, async () => {
      const former = await set.master();
      const others = set.servers.filter((one) => one !== former);
      former.stop();
      // Not even the Sentinels know it yet: the other replica is sent to the new master a second later.
      await until(
        'one of them to be promoted',
        async () => (await Promise.all(others.map((one) => one.info('role')))).includes('master'),
        RECOVERY_MS,
      );
      former.cont();
      await set.untilMasterIsNot(former);
    });
    console.info(`hung and woke: ${JSON.stringify(found)}`);
    expect(found.lost).toBe(0);
    await endShapes();
  }, 60_000);

  it('loses nothing accepted when the master steps down', async () => {
    const set = await ReplicaSet.start({ downAfterMs: 500 });
    const found = await gone(set, () => set.failover('command'));
    console.info(`stepped down: ${JSON.stringify(found)}`);
    expect(found.lost).toBe(0);
    await endShapes();
  }, 60_000);

  it('goes on when one of them is dead, as soon as the Sentinels know', async () => {
    const set = await ReplicaSet.start({ downAfterMs: 500 });
    const found = await gone(set, async () => (await set.replicas())[0]?.kill());
    console.info(`a replica died: ${JSON.stringify(found)}`);
    expect(found.lost).toBe(0);
    // Until then it is one that might take over.
    expect(found.refused).toBeGreaterThan(0);
    await endShapes();
  }, 60_000);
});

describe('in a Cluster', () => {
  const environment = { ANDON_SHARDS: '16' };
  /** A slot that is in use: that of a channel's shard. */
  const slotOf = (cluster: Cluster, api: Api) =>
    cluster.slotOf(new Keys(api.prefix, 16).shardOf('channel.1').prefix);

  it('goes on in order while the slots in use move to other masters', async () => {
    const cluster = await Cluster.start();
    const ms = await strike(
      cluster,
      async (api) => {
        const slot = await slotOf(cluster, api);
        for (let n = 0; n < 3; n += 1) {
          const home = await cluster.masterOf(slot);
          const others = (await cluster.masters()).filter((one) => one !== home);
          await cluster.moveSlot(slot, others[n % others.length]!, () => pause(20));
        }
      },
      environment,
    );
    console.info(`slot moved three times: nothing moved for ${ms} ms`);
    await endShapes();
  }, 60_000);

  it('goes on in order within 20 s when a master is killed, and loses nothing accepted', async () => {
    const cluster = await Cluster.start();
    const ms = await strike(
      cluster,
      async (api) => {
        const master = await cluster.masterOf(await slotOf(cluster, api));
        await cluster.failover(master, 'kill');
        await master.start(); // as a replica: without one nothing is accepted
      },
      environment,
    );
    console.info(`a master of the Cluster killed: nothing moved for ${ms} ms`);
    expect(ms).toBeLessThan(RECOVERY_MS);
    await endShapes();
  }, 60_000);
});
