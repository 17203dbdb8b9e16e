import { existsSync } from 'node:fs';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Cluster, endShapes, ReplicaSet, startStandalone } from '../../support/redis-shapes.js';
import { until } from '../../support/until.js';

afterAll(endShapes);

/** The tools of the fault tests do what they say: else those tests would prove nothing. */
describe('Redis in its shapes', () => {
  test('one server: keeps its data over kill -9, hangs and goes on, and its clock can be moved', async () => {
    const redis = await startStandalone({ movableClock: true });
    await redis.call('SET', 'a', '1');
    await redis.restart();
    expect(await redis.call('GET', 'a')).toBe('1');
    redis.stop();
    const answer = redis.call('GET', 'a');
    redis.cont();
    expect(await answer).toBe('1');
    await redis.moveClock(3_600);
    const [seconds] = (await redis.call('TIME')) as string[];
    expect(Number(seconds) - Date.now() / 1_000).toBeGreaterThan(3_500);
    await redis.end();
    expect(existsSync(redis.directory)).toBe(false);
  });

  test('a master with replicas and Sentinels: another takes over when it is killed', async () => {
    const set = await ReplicaSet.start({ downAfterMs: 500 });
    const before = await set.master();
    await before.call('SET', 'a', '1');
    await until('the replicas to have it', async () => {
      const has = await Promise.all((await set.replicas()).map((one) => one.call('GET', 'a')));
      return has.join() === '1,1';
    });
    const after = await set.failover('kill');
    expect(after).not.toBe(before);
    expect(await after.call('GET', 'a')).toBe('1');
  }, 40_000);

  test('a Cluster: a slot moves with its keys, and a replica takes over from a killed master', async () => {
    const cluster = await Cluster.start();
    const slot = await cluster.slotOf('{a}');
    const home = await cluster.masterOf(slot);
    await home.call('SET', '{a}1', 'one');
    const other = (await cluster.masters()).find((one) => one !== home)!;
    await cluster.moveSlot(slot, other);
    expect(await cluster.masterOf(slot)).toBe(other);
    expect(await other.call('GET', '{a}1')).toBe('one');
    await other.call('WAIT', 1, 1_000);
    const heir = await cluster.failover(other, 'kill');
    expect(await heir.call('GET', '{a}1')).toBe('one');
  }, 40_000);
});
