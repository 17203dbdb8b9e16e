import { describe, expect, it } from '@jest/globals';
import type { FollowUp, Outcome } from '../../src/connectors/connector.js';
import { Outbox } from '../../src/queues/outbox.js';
import { Scripts } from '../../src/redis/script.js';
import { accept, done, Line, type LineOptions } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

const product = (channel: string, title: string): FollowUp => ({
  instruction: 'add_product',
  channel,
  data: { sku: title, title },
});

/** A line with an ERP and channels, whose parents do as `causes` says and whose children are done. */
async function lineWith(
  causes: (parent: string) => Outcome,
  channels = ['12', '13'],
  options: LineOptions = {},
): Promise<Line> {
  const line = await new Line(redis, options).ready(...channels);
  await line.put('source', 'erp');
  line.script = ({ instruction, data }) =>
    instruction === 'sync_product' ? causes(String(data['sku'])) : done;
  return line;
}

async function cause(line: Line, ...skus: string[]): Promise<number[]> {
  const parents = skus.map((sku) => accept('sync_product', { source: 'erp' }, { sku, title: sku }));
  return (await line.enqueuer.enqueue(parents)).map(({ queueId }) => queueId);
}

const childrenOf = async (line: Line, ...parents: number[]) =>
  (await line.finder.search({ instruction: 'add_product' }, 200)).items.filter(({ causedBy }) =>
    parents.includes(causedBy ?? 0),
  );

describe('follow-ups', () => {
  it('are enqueued in order after their parent, each once, and know it', async () => {
    const line = await lineWith((parent) => ({
      kind: 'done',
      followUps: range(30).map((n) => product(n % 2 ? '13' : '12', `${parent}${n}`)),
    }));
    await line.startFleet();
    const [p] = await cause(line, 'p');
    await line.untilStarted(31);
    const seen = line.started.slice(1);
    for (const odd of [0, 1])
      expect(seen.filter((title) => Number(title.slice(1)) % 2 === odd)).toEqual(
        range(15).map((n) => `p${2 * n + odd}`),
      );
    expect(await line.item(p!)).toMatchObject({ state: 'completed', caused: 30 });
    expect(await childrenOf(line, p!)).toHaveLength(30);
  });

  it('of several parents keep the order of the parents', async () => {
    const line = await lineWith((parent) => ({
      kind: 'done',
      followUps: range(5).map((n) => product('12', `${parent}${n}`)),
    }));
    await cause(line, 'p', 'q', 'r');
    await line.startFleet();
    await line.untilStarted(18);
    expect(line.started.filter((title) => title.length === 2)).toEqual(
      ['p', 'q', 'r'].flatMap((parent) => range(5).map((n) => parent + n)),
    );
  });

  it('wait behind what their queue waits for', async () => {
    const line = await lineWith(() => ({ kind: 'done', followUps: [product('12', 'child')] }));
    await line.transitions.pause('channel.12', 'vera');
    await line.startFleet();
    const [p] = await cause(line, 'p');
    await line.untilState(p!, 'completed');
    const [child] = await until('the child', async () => {
      const found = await childrenOf(line, p!);
      return found.length > 0 ? found : undefined;
    });
    expect(child).toMatchObject({ state: 'waiting', causedBy: p });
    expect(line.started).toEqual(['p']);
  });

  it('are enqueued once though the parent runs twice', async () => {
    const line = await lineWith(() => ({ kind: 'done', followUps: [product('12', 'child')] }));
    let runs = 0;
    const once = line.script;
    line.script = async (delivery) => {
      runs += delivery.instruction === 'sync_product' ? 1 : 0;
      // The first run loses its lock before it can settle.
      if (delivery.instruction === 'sync_product' && runs === 1)
        await line.redis.del(`${line.keys.item('source.erp', delivery.queueId)}:lock`);
      return once(delivery);
    };
    await line.startFleet();
    const [p] = await cause(line, 'p');
    await line.untilState(p!, 'completed');
    await line.untilStarted(3);
    expect(runs).toBe(2);
    expect(await childrenOf(line, p!)).toHaveLength(1);
    expect(line.started).toEqual(['p', 'p', 'child']);
  });

  it('outlive the worker that caused them: another brings them into their queues', async () => {
    const line = await lineWith(() => done);
    const [p] = await cause(line, 'p');
    const [claim] = await line.deliveries.claim(
      line.keys.shardOf('source.erp'),
      'blocking',
      1,
      't',
    );
    const followUps = range(600).map((n) => ({
      ...accept('add_product', { channel: '12' }, { sku: `${n}`, title: `${n}` }),
    }));
    // As a worker that dies right after its success leaves it.
    await line.deliveries.complete(claim!, null, false, { followUps });
    expect((await line.status('channel.12')).counts.waiting).toBe(0);
    await line.startFleet();
    await line.untilStarted(600, 25_000);
    expect(line.started).toEqual(range(600).map(String));
    expect((await line.item(p!)).caused).toBe(600);
  }, 30_000);

  it.each([1, 4])(
    'are neither doubled nor swapped by many who move them at once (%s shards)',
    async (shards) => {
      const environment = { ANDON_SHARDS: String(shards) };
      const channels = ['12', '13', '14', '15'];
      const line = await lineWith(() => done, channels, { environment });
      await cause(line, 'p');
      const shard = line.keys.shardOf('source.erp');
      const [claim] = await line.deliveries.claim(shard, 'blocking', 1, 't');
      const followUps = range(2_000).map((n) =>
        accept('update_product', { channel: channels[n % 4]! }, { sku: `${n}`, title: `${n}` }),
      );
      await line.deliveries.complete(claim!, null, false, { followUps });
      const outbox = new Outbox(line.redis, line.scripts, line.keys);
      await Promise.all(range(5).map(() => outbox.empty(shard)));
      for (const [n, id] of channels.entries()) {
        const ids = await line.redis.lrange(line.keys.queue(`channel.${id}`, 'wait'), 0, -1);
        const items = await line.finder.items(
          ids.reverse().map((queueId) => [`channel.${id}`, Number(queueId)]),
        );
        expect(items.map(({ title }) => title)).toEqual(range(500).map((k) => String(4 * k + n)));
        expect(items.every(({ causedBy }) => causedBy === claim!.item.queueId)).toBe(true);
      }
    },
  );

  it('into a shard that cannot keep them safe wait for it, and hold up no other', async () => {
    const environment = { ANDON_SHARDS: '4' };
    const channels = ['12', '13', '14', '15'];
    const line = await lineWith(() => done, channels, { environment });
    const { redis, scripts, keys } = line;
    await cause(line, 'p');
    const shard = keys.shardOf('source.erp');
    const [claim] = await line.deliveries.claim(shard, 'blocking', 1, 't');
    const followUps = channels.map((channel) =>
      accept('update_product', { channel }, { sku: channel, title: channel }),
    );
    await line.deliveries.complete(claim!, null, false, { followUps });
    const targets = channels.map((id) => keys.shardOf(`channel.${id}`));
    const away = keys.shards.find((one) => one !== shard && targets.includes(one))!;
    expect(targets.some((one) => one.index > away.index)).toBe(true);
    const unsafe = new Scripts(redis, keys, {
      cover: async (write, key) => {
        const written = await write();
        if (key === away.durable) throw new Error('no replica has it');
        return written;
      },
    });
    const waiting = async (id: string) => redis.llen(keys.queue(`channel.${id}`, 'wait'));
    await expect(new Outbox(redis, scripts, keys, unsafe).empty(shard)).rejects.toThrow('replica');
    expect(await redis.exists(keys.outbox(shard, away))).toBe(1);
    for (const id of channels) expect(await waiting(id)).toBe(1);
    await new Outbox(redis, scripts, keys).empty(shard);
    expect(await redis.exists(...keys.shards.map((to) => keys.outbox(shard, to)))).toBe(0);
    for (const id of channels) expect(await waiting(id)).toBe(1);
  });

  it('that are wrong fail the parent, with words for a person, and none is enqueued', async () => {
    const line = await lineWith((parent) => ({
      kind: 'done',
      followUps: [
        product('12', 'good'),
        parent === 'shape'
          ? ({ instruction: 'add_product', chanel: '12', data: {} } as unknown as FollowUp)
          : parent === 'data'
            ? { ...product('12', 'x'), data: { sku: 'x' } }
            : parent === 'gone'
              ? product('99', 'x')
              : { ...product('12', 'x'), instruction: 'paint_product' },
      ],
    }));
    await line.startFleet();
    const told = {
      shape: 'number 2 (add_product): chanel there is no such field here',
      data: 'number 2 (add_product): data.title is missing',
      gone: 'number 2 (add_product): channel no channel "99" is registered',
      name: 'number 2 (paint_product): instruction there is no instruction "paint_product"',
    };
    for (const [sku, sentence] of Object.entries(told)) {
      const [p] = await cause(line, sku);
      const { error } = await line.untilState(p!, 'failed');
      expect(error?.message).toContain(
        'It was carried out, but none of its follow-ups is enqueued',
      );
      expect(error?.message).toContain(sentence);
      await line.transitions.skip(
        { queue: 'source.erp', queueId: p! },
        { actor: 'v', reason: 'gone', scope: 'item' },
      );
    }
    expect((await line.status('channel.12')).counts).toMatchObject({ waiting: 0, completed: 0 });
  });

  it('that are wrong do not send an order a second time: the retry of their parent looks first', async () => {
    const line = await lineWith(() => ({ kind: 'done', followUps: [product('99', 'x')] }));
    line.verify = async () => ({ kind: 'there', followUps: [product('12', 'child')] });
    await line.startFleet();
    const [p] = await cause(line, 'p');
    await line.untilState(p!, 'failed');
    await line.transitions.retry({ queue: 'source.erp', queueId: p! }, 'vera');
    await line.untilState(p!, 'completed');
    await line.untilStarted(2);
    expect(line.started).toEqual(['p', 'child']);
  });

  it('reach what the client of their parent owns, and nothing else', async () => {
    const line = await lineWith(() => ({ kind: 'done', followUps: [product('12', 'child')] }));
    await line.put('source', 'erp', null, undefined, null, { client: 'cape' });
    await line.put('channel', '12', null, undefined, null, { client: 'rand' });
    await line.startFleet();
    const [p] = await cause(line, 'p');
    expect((await line.untilState(p!, 'failed')).error?.message).toContain('no channel "12"');
    await line.put('channel', '12', null, undefined, null, { client: 'cape' });
    await line.transitions.retry({ queue: 'source.erp', queueId: p! }, 'v');
    await line.untilStarted(3);
    const [child] = await childrenOf(line, p!);
    expect(child).toMatchObject({ client: 'cape', title: 'child' });
  });

  it('whose queue was deleted meanwhile fail there, and run when it is back', async () => {
    const line = await lineWith(() => done);
    await cause(line, 'p');
    const [claim] = await line.deliveries.claim(
      line.keys.shardOf('source.erp'),
      'blocking',
      1,
      't',
    );
    const child = accept('add_product', { channel: '12' }, { sku: 'x', title: 'x' });
    await line.deliveries.complete(claim!, null, false, { followUps: [child] });
    await line.registry.delete('channel', '12');
    await line.startFleet();
    const status = await until('the queue to be blocked', async () => {
      const now = await line.status('channel.12');
      return now.blockedBy ? now : undefined;
    });
    expect(status.blockedBy?.error).toBe('channel 12 is not registered: put it, then retry');
    await line.put('channel', '12');
    const queueId = status.blockedBy!.queueId;
    await line.transitions.retry({ queue: 'channel.12', queueId }, 'v');
    await line.untilState(queueId, 'completed');
  });

  it('are at most 10,000', async () => {
    const line = await lineWith(() => ({
      kind: 'done',
      followUps: range(10_001).map((n) => product('12', String(n))),
    }));
    await line.startFleet();
    const [p] = await cause(line, 'p');
    expect((await line.untilState(p!, 'failed')).error?.message).toContain(
      'at most 10000 are taken, and these are 10001',
    );
  });
});
