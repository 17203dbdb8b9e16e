import { randomBytes } from 'node:crypto';
import { afterAll, expect, it } from '@jest/globals';
import { Outbox } from '../../src/queues/outbox.js';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { Replicated } from '../../src/redis/durability.js';
import { heirsOf } from '../../src/redis/heirs.js';
import { Scripts } from '../../src/redis/script.js';
import { accept, Line } from '../support/line.js';
import { Cluster, endShapes } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

afterAll(endShapes);

/** Two queues whose shards lie on different masters of a Cluster, and an item of the first that causes one in the second. */
async function apart(cluster: Cluster) {
  const where = { url: cluster.url, prefix: `t${randomBytes(6).toString('hex')}` };
  const channels = Array.from({ length: 20 }, (_, n) => String(n + 1));
  const environment = { ANDON_SHARDS: '16' };
  const unused = { url: cluster.url, dataDir: '', freshPrefix: () => where.prefix };
  const line = await new Line(unused, { ...where, environment }).ready(...channels);
  const masterOf = async (id: string) =>
    cluster.masterOf(await cluster.slotOf(line.keys.shardOf(`channel.${id}`).prefix));
  const [near = ''] = channels;
  const home = await masterOf(near);
  for (const far of channels) {
    const master = await masterOf(far);
    if (master !== home) return { line, near, far, master };
  }
  throw new Error('all queues lie on one master');
}

it('a follow-up into a queue on another master outlives the loss of that master', async () => {
  const cluster = await Cluster.start();
  const { line, near, far, master } = await apart(cluster);
  const { redis, scripts, keys } = line;
  const shard = keys.shardOf(`channel.${near}`);
  await line.enqueuer.enqueue([accept('update_product', { channel: near }, { sku: 'p' })]);
  const [claim] = await line.deliveries.claim(shard, 'blocking', 1, 't');
  const followUps = [accept('update_product', { channel: far }, { sku: 'child' })];
  await line.deliveries.complete(claim!, null, false, { followUps });

  const witness = connectRedis(cluster.url, { name: 'witness', kind: 'fleet' });
  await untilReady(witness, 5_000);
  const options = { redis, witness, heirs: heirsOf(cluster.url), replicas: 1, waitMs: 300 };
  const safe = new Scripts(redis, keys, new Replicated(options));
  const outbox = new Outbox(redis, scripts, keys, safe);

  // What the master is told from here on, its replica hears nothing of.
  const replicas = await cluster.replicasOf(master);
  for (const replica of replicas) replica.stop();
  await master.call('CLIENT', 'KILL', 'TYPE', 'REPLICA');
  await expect(outbox.empty(shard)).rejects.toThrow(/replica/);
  await master.kill();
  for (const replica of replicas) replica.cont();
  await cluster.failover(master, 'kill');
  await master.start(); // as a replica: without one nothing is safe

  const waiting = () => redis.lrange(keys.queue(`channel.${far}`, 'wait'), 0, -1);
  await until(
    'the follow-up to be in its queue',
    async () => {
      await outbox.empty(shard).catch(() => {});
      return (await waiting().catch(() => [])).length > 0;
    },
    20_000,
  );
  expect(await waiting()).toHaveLength(1);
  await closeRedis(witness, 500);
}, 90_000);
