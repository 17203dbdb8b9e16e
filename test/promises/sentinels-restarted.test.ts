import { afterAll, expect, it } from '@jest/globals';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { endShapes, ReplicaSet } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

afterAll(endShapes);

/** A master that stepped down takes writes, all of them lost, until a Sentinel tells it: after some ten seconds. */
const AT_ONCE_MS = 4_000;

// Campaign: --topology sentinel --seed 11 --minutes 0.8 --queues 20 --rate 50 --intensity 2
it('still hears of a failover at once after every Sentinel was restarted, and leaves the former master', async () => {
  const set = await ReplicaSet.start({ downAfterMs: 1_000 });
  const redis = connectRedis(set.url, { name: 'test', kind: 'fleet' });
  await untilReady(redis, 10_000);
  const listeners = async () => {
    const lists = await Promise.all(
      set.sentinels.map(async (one) => String(await one.call('CLIENT', 'LIST'))),
    );
    return lists.filter((list) => / sub=1 /.test(list)).length;
  };
  await until('the client to listen to the Sentinels', async () => (await listeners()) === 3);
  for (const sentinel of set.sentinels) await sentinel.restart();
  await until('it to listen again', async () => (await listeners()) === 3, 10_000).catch(() => {});
  const former = await set.master();
  await until('the Sentinels to fail over', () => set.failover('command'), 30_000);
  const from = performance.now();
  const heir = await set.master();
  await until(
    'the client to be at the new master',
    async () => {
      const info = await redis.info('server').catch(() => '');
      return info.includes(`tcp_port:${heir.port}`);
    },
    20_000,
  );
  const ms = performance.now() - from;
  expect(heir).not.toBe(former);
  expect(ms).toBeLessThan(AT_ONCE_MS);
  await closeRedis(redis, 1_000);
}, 60_000);
