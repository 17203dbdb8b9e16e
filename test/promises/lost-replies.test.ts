import { describe, expect, it } from '@jest/globals';
import { accept, Line } from '../support/line.js';
import { Network } from '../support/network.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const network = await Network.before(redis.url);
const order = (n: number) =>
  accept('update_order_instruction', {}, { orderNumber: String(n), title: String(n) });

/** A line that speaks to Redis by way of the network. */
async function behindTheNetwork(environment: Record<string, string> = {}): Promise<Line> {
  const line = await new Line(redis, { url: network.url, environment }).ready('12');
  await line.put('service', 'hub');
  return line;
}

describe('a claim whose reply is lost', () => {
  it.each(['blocking', 'parallel'])(
    'is no death and no attempt of what it took (%s), however often: it is delivered as soon as Redis is heard again',
    async (kind) => {
      // A lock that outlasts the test: nobody waits for its end.
      const line = await behindTheNetwork({ ANDON_LOCK_MS: '60000' });
      const tickets = await (kind === 'blocking'
        ? line.add('12', 'a', 'b')
        : line.enqueuer.enqueue([order(1), order(2)]));
      network.loseReplyTo(`\r\n${kind}\r\n`, 3);
      await line.startFleet();
      for (const { queueId } of tickets)
        expect(await line.untilState(queueId, 'completed')).toMatchObject({
          attempts: 1,
          deaths: 0,
        });
      expect(network.toBeLost).toBe(0);
      expect([...line.started].sort()).toEqual(kind === 'blocking' ? ['a', 'b'] : ['1', '2']);
    },
  );

  it('keeps the order, and what it took is free for other workers at once', async () => {
    const line = await behindTheNetwork({ ANDON_LOCK_MS: '60000' });
    const shard = line.keys.shardOf('channel.12');
    await line.add('12', 'a', 'b');
    await line.deliveries.claim(shard, 'blocking', 5, 'lost:1');
    await line.deliveries.claim(shard, 'blocking', 5, 'lost:11');
    expect(await line.deliveries.unclaim(shard, 'lost:11')).toBe(0);
    expect(await line.deliveries.unclaim(shard, 'lost:1')).toBe(1);
    expect(await line.deliveries.unclaim(shard, 'lost:1')).toBe(0);
    const [a] = await line.deliveries.claim(shard, 'blocking', 5, 'another:1');
    expect(a?.item).toMatchObject({ title: 'a', attempts: 1, deaths: 0 });
  });
});

describe('a settling whose reply is lost', () => {
  it('tells again what it took with it, on the parallel queue too: nothing waits for the end of a lock', async () => {
    const line = await behindTheNetwork({
      ANDON_LOCK_MS: '60000',
      ANDON_PARALLEL_CONCURRENCY: '2',
    });
    line.script = () => ({ kind: 'done', result: 'done so far' });
    const orders = Array.from({ length: 8 }, (_, n) => order(n));
    network.loseReplyTo('done so far', 4);
    const tickets = await line.enqueuer.enqueue(orders);
    await line.startFleet();
    for (const { queueId } of tickets)
      expect(await line.untilState(queueId, 'completed')).toMatchObject({ attempts: 1, deaths: 0 });
    expect(network.toBeLost).toBe(0);
    expect([...line.started].sort()).toEqual(orders.map((_, n) => String(n)));
    await until('nothing under way', async () => {
      const inflight = line.keys.ours(line.keys.shardOf('parallel'), 'inflight');
      return (await line.redis.zcard(inflight)) === 0;
    });
  });
});
