import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Transitions } from '../../src/blocking/transitions.js';
import { Routine } from '../../src/fleet/routine.js';
import { Audit } from '../../src/queues/audit.js';
import { Outbox } from '../../src/queues/outbox.js';
import { idsAt } from '../../src/queues/places.js';
import { Seeker } from '../../src/queues/seek.js';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { argumentsOf, Scripts, scriptNames } from '../../src/redis/script.js';
import { stockQueue } from '../support/bullmq.js';
import { accept, failure, Line, product, silent } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { endShapes, RedisProcess, ReplicaSet } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

/** What the model (`model.test.ts`) and the campaign found: each the smallest script that shows it. */
const redis = await startTestRedis();
const anHour = 3_600_000;

afterAll(endShapes);

it('a clear that takes a held head away lets the rest of the queue run at once', async () => {
  const line = await new Line(redis).ready('12');
  const shard = line.keys.shardOf('channel.12');
  const [, b] = await line.add('12', 'a', 'b');
  const [a] = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  await line.deliveries.hold(a!, failure, anHour, false);
  expect(await line.transitions.clear('channel.12', 'x', 'because', 1)).toBe(1);
  const next = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  expect(next.map(({ item }) => item.queueId)).toEqual([b!.queueId]);
});

it('a clear leaves the failed head alone that plain BullMQ has put back into the queue', async () => {
  const line = await new Line(redis).ready('12');
  const shard = line.keys.shardOf('channel.12');
  const [a] = await line.add('12', 'a', 'b');
  const [claim] = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  await line.deliveries.fail(claim!, failure, false);
  const [job] = await stockQueue(redis, line, 'channel.12').getFailed();
  await job!.retry();
  expect(await line.transitions.clear('channel.12', 'x', 'because', 2)).toBe(1);
  expect((await line.item(a!.queueId)).state).toBe('failed');
  await line.transitions.retry(a!, 'x');
  const [again] = await line.deliveries.claim(shard, 'blocking', 1, 'me');
  expect(again?.item.queueId).toBe(a!.queueId);
});

const anHourAgo = () => Date.now() - anHour;

/** The head of channel 12 under a lock of ours. */
async function head(line: Line) {
  const [claim] = await line.deliveries.claim(line.keys.shardOf('channel.12'), 'blocking', 1, 'me');
  if (!claim) throw new Error('there was nothing to claim');
  return claim;
}

/** Runs the head: it fails and is skipped. */
async function skipHead(line: Line): Promise<number> {
  const claim = await head(line);
  await line.deliveries.fail(claim, failure, false);
  await line.transitions.skip(claim.item, { actor: 'x', reason: 'gone' });
  return claim.item.queueId;
}

const ran = async (line: Line) => line.deliveries.complete(await head(line), 'done', false);
const update = (sku: string) => product('12', sku, { instruction: 'update_product' });
const clearChannel = () => accept('clear_channel', { channel: '12' }, {});
const ref = (queueId: number) => ({ queue: 'channel.12', queueId });

describe('a skip that is taken back', () => {
  it('leaves the head that is on hold the head, also for those who look', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a', 'b', 'c');
    const a = await skipHead(line);
    const b = await head(line);
    await line.deliveries.hold(b, failure, anHour, false);
    await line.transitions.undoSkip([ref(a)], 'x');
    const next = await idsAt(line.redis, line.keys, 'channel.12', 'waiting', 0, 9);
    expect(next).toEqual([a, a + 2]);
    expect(await line.status('channel.12')).toMatchObject({
      heldBy: b.item.queueId,
      heldSince: expect.any(String),
    });
  });

  it('is refused while something newer that it may concern was tried and waits for its next try', async () => {
    const line = await new Line(redis).ready('12');
    await line.enqueuer.enqueue([clearChannel(), product('12', 'shirt')]);
    const a = await skipHead(line);
    await line.deliveries.backOff(await head(line), failure, anHour, false);
    await expect(line.transitions.undoSkip([ref(a)], 'x')).rejects.toThrow('has run since');
  });

  it('is not refused for what came before it', async () => {
    const line = await new Line(redis).ready('12');
    await line.enqueuer.enqueue([product('12', 'shirt'), clearChannel()]);
    const running = await head(line);
    await line.transitions.clear('channel.12', 'x', 'because', 1);
    const skipped = running.item.queueId + 1;
    await line.transitions.undoSkip([ref(skipped)], 'x');
    await line.transitions.clear('channel.12', 'x', 'because', 1);
    await line.deliveries.complete(running, 'done', false);
    await line.transitions.undoSkip([ref(skipped)], 'x');
    expect((await head(line)).item.queueId).toBe(skipped);
  });

  it('is refused when something that concerns the whole channel has run since', async () => {
    const line = await new Line(redis).ready('12');
    await line.enqueuer.enqueue([product('12', 'shirt'), clearChannel(), product('12', 'shoe')]);
    const a = await skipHead(line);
    await ran(line);
    await ran(line);
    await expect(line.transitions.undoSkip([ref(a)], 'x')).rejects.toThrow(`item ${a + 1} has run`);
  });

  it('is refused when such a one was put right by hand', async () => {
    const line = await new Line(redis).ready('12');
    await line.enqueuer.enqueue([product('12', 'shirt'), clearChannel(), product('12', 'shoe')]);
    const a = await skipHead(line);
    const claim = await head(line);
    await line.deliveries.fail(claim, failure, false);
    await line.transitions.resolve(claim.item, { actor: 'x' });
    await expect(line.transitions.undoSkip([ref(a)], 'x')).rejects.toThrow(`item ${a + 1} has run`);
  });

  it('is refused also where the older item is one of plain BullMQ, whose ids are larger', async () => {
    const line = await new Line(redis).ready('12');
    const old = await stockQueue(redis, line, 'channel.12').add(
      'update_product',
      { sku: 'shirt', title: 'old' },
      { timestamp: anHourAgo() },
    );
    await line.deliveries.sweep(line.keys.shardOf('channel.12'), ['channel.12']);
    const claim = await head(line);
    expect(claim.item.queueId).toBe(Number(old.id));
    await line.deliveries.adopt(claim.item, {
      title: 'old',
      entity: { kind: 'sku', key: 'shirt' },
      barrier: 'update',
      client: null,
    });
    await line.deliveries.fail(claim, failure, false);
    await line.transitions.skip(claim.item, { actor: 'x', reason: 'gone' });
    await line.enqueuer.enqueue([update('shirt')]);
    await ran(line);
    await expect(line.transitions.undoSkip([claim.item], 'x')).rejects.toThrow('has run since');
  });

  it('comes back before what came later, though the clock was set back in between', async () => {
    const line = await new Line(redis).ready('12');
    await line.enqueuer.enqueue([update('shirt'), update('shoe'), update('shirt')]);
    const a = await skipHead(line);
    for (const id of [a + 1, a + 2])
      await line.redis.hset(line.keys.item('channel.12', id), 'timestamp', anHourAgo());
    await line.transitions.undoSkip([ref(a)], 'x');
    expect((await head(line)).item.queueId).toBe(a);
  });

  it('is refused when what has run since may be forgotten', async () => {
    const line = await new Line(redis, { keep: 1 }).ready('12');
    await line.enqueuer.enqueue([update('shirt'), update('shirt'), update('shoe'), update('hat')]);
    const a = await skipHead(line);
    for (let n = 0; n < 3; n += 1) await ran(line);
    await expect(line.transitions.undoSkip([ref(a)], 'x')).rejects.toThrow('nobody can tell');
  });

  it('and adds its entity ends the rule to skip until the next add', async () => {
    const line = await new Line(redis).ready('12');
    await line.enqueuer.enqueue([product('12', 'shirt'), update('shirt')]);
    const add = await skipHead(line);
    const claim = await head(line);
    await line.deliveries.fail(claim, failure, false);
    await line.transitions.skip(claim.item, {
      actor: 'x',
      reason: 'gone',
      scope: 'entity-until-add',
    });
    await line.transitions.undoSkip([ref(add)], 'x');
    const [later] = await line.enqueuer.enqueue([update('shirt')]);
    expect(later?.state).toBe('waiting');
  });

  it('is not refused on the parallel queue, which keeps no order', async () => {
    const line = await new Line(redis).ready();
    const mail = (to: string) => accept('send_email', {}, { to, subject: 's', text: 't' });
    await line.enqueuer.enqueue([mail('a@b.c'), mail('d@e.f')]);
    const shard = line.keys.shardOf('parallel');
    const [a, b] = await line.deliveries.claim(shard, 'parallel', 2, 'me');
    await line.deliveries.fail(a!, failure, false);
    await line.transitions.skip(a!.item, { actor: 'x', reason: 'gone' });
    await line.deliveries.complete(b!, 'done', false);
    await line.transitions.undoSkip([a!.item], 'x');
    expect((await line.item(a!.item.queueId)).state).toBe('waiting');
  });
});

it('an item that plain BullMQ has run again is not forgotten before it is done again', async () => {
  const line = await new Line(redis, { keep: 1 }).ready('12');
  const [a] = await line.add('12', 'a', 'b', 'c');
  await ran(line);
  const [job] = await stockQueue(redis, line, 'channel.12').getCompleted();
  await job!.retry('completed');
  await ran(line);
  await ran(line);
  expect((await head(line)).item).toMatchObject({ queueId: a!.queueId, title: 'a' });
});

it('follow-ups that another shard refuses stay in the outbox', async () => {
  const line = await new Line(redis, { environment: { ANDON_SHARDS: '4' } }).ready('12');
  const [here, there] = [line.keys.shardOf('channel.12'), line.keys.shards];
  const other = ['13', '14', '15', '16', '17', '18'].find(
    (id) => line.keys.shardOf(`channel.${id}`) !== here,
  );
  expect(there).toHaveLength(4);
  const [a] = await line.add('12', 'a');
  const claim = await (async () => {
    const [one] = await line.deliveries.claim(here, 'blocking', 1, 'me');
    return one!;
  })();
  const to = line.keys.shardOf(`channel.${other}`);
  const key = `${to.prefix}:andon:idempotency:followup:${a!.queueId}:1`;
  await line.redis.set(key, JSON.stringify({ hash: 'another', answer: {} }));
  await line.deliveries.complete(claim, 'done', false, { followUps: [product(other!, 'child')] });
  const outbox = new Outbox(line.redis, line.scripts, line.keys);
  await expect(outbox.empty(here)).rejects.toThrow('follow-up');
  expect(await line.redis.llen(line.keys.outbox(here, to))).toBeGreaterThan(0);
});

it('with several shards, a batch that is refused for one key leaves its other keys free', async () => {
  const line = await new Line(redis, { environment: { ANDON_SHARDS: '4' } }).ready('12');
  const keyed = (title: string, idempotencyKey: string | null) =>
    product('12', title, { idempotencyKey });
  await line.enqueuer.enqueue([keyed('a', 'used')]);
  const batch = [keyed('plain', null), keyed('b', 'fresh'), keyed('c', 'used')];
  await expect(line.enqueuer.enqueue(batch)).rejects.toMatchObject({
    type: 'idempotency-key-reused',
    errors: [{ pointer: '/items/2' }],
  });
  const [d] = await line.enqueuer.enqueue([keyed('d', 'fresh')]);
  expect(d).toMatchObject({ replayed: false });
  expect(await line.enqueuer.enqueue([keyed('d', 'fresh')])).toMatchObject([
    { queueId: d!.queueId, replayed: true },
  ]);
  await expect(line.enqueuer.enqueue([keyed('e', 'fresh')])).rejects.toThrow();
});

it('with several shards, each line of the audit is on one page, also those of one moment', async () => {
  const line = await new Line(redis, { environment: { ANDON_SHARDS: '4' } }).ready('12');
  const ids = ['1700000000000-0', '1700000000000-1', '1700000000001-0'];
  const written: string[] = [];
  for (const shard of line.keys.shards)
    for (const id of ids) {
      const actor = `${id} in ${shard.index}`;
      const entry = JSON.stringify({ at: 1_700_000_000_000, actor, action: 'skip' });
      const fields = ['queue', '', 'queueId', '', 'entry', entry];
      await line.redis.xadd(line.keys.ours(shard, 'audit'), id, ...fields);
      written.push(actor);
    }
  const audit = new Audit(line.redis, line.keys);
  for (const limit of [1, 2, 3, 5, 12]) {
    const seen: string[] = [];
    const lineIds = new Set<string>();
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await audit.read(limit, cursor);
      for (const { actor, id } of page.items) {
        seen.push(actor);
        lineIds.add(id);
      }
      cursor = page.nextCursor;
    }
    expect([...seen].sort()).toEqual([...written].sort());
    expect(seen.map((one) => one.split(' ')[0])).toEqual(
      [...ids].reverse().flatMap((id) => Array(4).fill(id)),
    );
    expect(lineIds.size).toBe(12);
  }
});

it('each script gets as many arguments as it reads', () => {
  for (const name of scriptNames) {
    const text = readFileSync(new URL(`../../src/lua/${name}.lua`, import.meta.url), 'utf8');
    const numbers = [...text.matchAll(/ARGV\[(\d+)(?: \.\.\.)?\]/g)].map(([, n]) => Number(n));
    const { first, each } = argumentsOf(name);
    // Of those that come in any number only the first is named, as `ARGV[4 ...]`.
    const more = /ARGV\[\d+ \.\.\.\]/.test(text) ? 1 : 0;
    expect([name, Math.max(0, ...numbers) - more]).toEqual([name, first]);
    expect([name, each > 0]).toEqual([name, /#ARGV/.test(text)]);
  }
});

it('a script is not run with more or fewer arguments than it reads', async () => {
  const line = await new Line(redis).ready('12');
  const shard = line.keys.shardOf('channel.12');
  const retry = (...args: string[]) => line.scripts.run('retry', shard, args);
  await expect(retry('channel.12', '1')).rejects.toThrow('retry takes 4 arguments');
  await expect(retry('channel.12', '1', 'x', '', 'y')).rejects.toThrow('retry takes 4 arguments');
  const enqueue = line.scripts.run('enqueue', shard, [1, '', '', ...Array(11).fill('')]);
  await expect(enqueue).rejects.toThrow('and 12 for each');
});

it('with `durability: replicated`, whatever a person is told has been done is on the replicas', async () => {
  const line = await new Line(redis).ready('12');
  let covered = 0;
  const durability = {
    cover<T>(write: () => Promise<T>): Promise<T> {
      covered += 1;
      return write();
    },
  };
  const verbs = new Transitions(new Scripts(line.redis, line.keys, durability), line.keys, {
    adds: [],
    grave: [],
  });
  await line.add('12', 'a', 'b', 'c');
  const one = async () => {
    const { item } = await head(line).then(async (claim) => {
      await line.deliveries.fail(claim, failure, false);
      return claim;
    });
    return item;
  };
  const a = await one();
  await verbs.retry(a, 'x');
  await one();
  await verbs.skip(a, { actor: 'x', reason: 'gone' });
  await verbs.undoSkip([a], 'x');
  await one();
  await verbs.resolve(a, { actor: 'x' });
  await verbs.pause('channel.12', 'x');
  await verbs.resume('channel.12', 'x');
  await verbs.clear('channel.12', 'x', 'because', 1);
  await verbs.edit(ref(a.queueId + 2), { actor: 'x', data: {}, title: '', entity: null });
  expect(covered).toBe(8);
});

// Campaign: --topology sentinel --seed 11 --minutes 0.8 --queues 20 --rate 50 --intensity 2
it('who waits for Redis at the start can be told to end, long before the wait is over', async () => {
  const away = connectRedis('redis://127.0.0.1:1', { name: 'test', kind: 'api' });
  const ending = new AbortController();
  const waiting = untilReady(away, 60_000, ending.signal);
  ending.abort();
  await expect(waiting).rejects.toThrow('nobody waits any more');
  await closeRedis(away, 1_000);
}, 5_000);

it('on a master that took over, also an item of plain BullMQ gets an id that was never given out', async () => {
  const set = await ReplicaSet.start({ replicas: 1, sentinels: 0 });
  const line = await new Line(redis, { url: set.servers[0]!.url }).ready('12');
  const shard = line.keys.shardOf('channel.12');
  await line.redis.set(line.keys.ours(shard, 'master'), 'the one before');
  const theirs = { ...redis, url: set.servers[0]!.url };
  await stockQueue(theirs, line, 'channel.12').add('add_product', {}, { jobId: 'order-77' });
  await line.deliveries.sweep(shard, ['channel.12']);
  expect((await head(line)).item.queueId).toBeGreaterThan(100_000);
});

it('ids jump when Redis was started again, since its file may lack the last ones, but not with every enqueue', async () => {
  const [server, other] = await Promise.all([
    RedisProcess.create('server'),
    RedisProcess.create('server'),
  ]);
  const line = await new Line(redis, { url: server.url }).ready('12');
  const add = async (title: string) => (await line.add('12', title))[0]?.queueId ?? 0;
  const [first, second] = [await add('a'), await add('b')];
  expect(second).toBe(first + 1);
  // Its first replica gives a Redis another replication id, of which we hear only when we connect again.
  const before = await server.info('master_replid');
  await other.call('REPLICAOF', '127.0.0.1', server.port);
  await until('the replica', async () => (await server.info('connected_slaves')) === '1');
  expect(await server.info('master_replid')).not.toBe(before);
  const newcomer = await new Line(redis, { url: server.url, prefix: line.prefix }).ready();
  const [third] = await newcomer.add('12', 'c');
  const [fourth, fifth] = [await add('d'), (await newcomer.add('12', 'e'))[0]?.queueId];
  expect([fourth, fifth]).toEqual([third!.queueId + 1, third!.queueId + 2]);
  await server.kill();
  await server.start();
  const after = await until('Redis to be back', () => add('f').catch(() => null));
  expect(after).toBeGreaterThan(fourth + 100_000);
});

it('what came before the ids jumped is still found by its title, and in the list of all', async () => {
  const line = await new Line(redis, { environment: { ANDON_SHARDS: '2' } }).ready(
    '12',
    '13',
    '14',
  );
  const before = await Promise.all(
    ['12', '13', '14'].map((channel) =>
      line.add(channel, ...Array.from({ length: 150 }, (_, n) => `linen ${n}`)),
    ),
  );
  for (const shard of line.keys.shards)
    await line.redis.set(line.keys.ours(shard, 'master'), 'the one before');
  const after = await line.add('12', 'linen too');
  const ids = [...before.flat(), ...after].map(({ queueId }) => queueId).sort((a, b) => b - a);
  const seeker = new Seeker(line.redis, line.scripts, line.keys);
  expect([...(await seeker.newest('linen', 1_000)).queueIds].sort((a, b) => b - a)).toEqual(ids);
  const listed: number[] = [];
  for await (const item of line.finder.all({})) listed.push(item.queueId);
  expect(listed).toEqual(ids);
});

it('what an older Andon wrote beside us comes into the list of all, and what it removed goes', async () => {
  const line = await new Line(redis).ready('12');
  const shard = line.keys.shardOf('channel.12');
  const [a, b] = await line.add('12', 'a', 'b');
  const ids = line.keys.ours(shard, 'ids');
  await line.redis.zrem(ids, String(a!.queueId));
  await line.redis.zadd(ids, 77, '77');
  await line.redis.zadd(ids, 78, '78');
  await line.startFleet();
  await until('the list to be right', async () => {
    const now = await line.redis.zrange(ids, '0', '-1');
    return String(now) === `${a!.queueId},${b!.queueId}`;
  });
});

it.each(['fail', 'hold', 'backOff'] as const)(
  'half of a character pair in what an attempt asked keeps no %s from being stored',
  async (verb) => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a');
    const [claim] = await line.deliveries.claim(
      line.keys.shardOf('channel.12'),
      'blocking',
      1,
      'me',
    );
    const half = { ...failure, request: 'POST to webhook x\ud83d' };
    const settled = await (verb === 'fail'
      ? line.deliveries.fail(claim!, half, false)
      : line.deliveries[verb](claim!, half, anHour, false));
    expect(settled.stored).toBe(true);
  },
);

it('an edit of an item that was removed with plain BullMQ while it blocks says so, and not that there is none', async () => {
  const line = await new Line(redis).ready('12');
  const [a] = await line.add('12', 'a');
  const [claim] = await line.deliveries.claim(line.keys.shardOf('channel.12'), 'blocking', 1, 'me');
  await line.deliveries.fail(claim!, failure, false);
  const [job] = await stockQueue(redis, line, 'channel.12').getFailed();
  await job!.remove();
  const change = { actor: 'x', data: {}, title: 'a', entity: null };
  await expect(line.transitions.edit(a!, change)).rejects.toThrow(
    'was removed with plain BullMQ, so it cannot be edited',
  );
});

it('an item whose skip is undone runs before a later one that came back from a dead worker', async () => {
  const line = await new Line(redis).ready('12');
  const shard = line.keys.shardOf('channel.12');
  const claimOne = async () => (await line.deliveries.claim(shard, 'blocking', 1, 'me'))[0]!;
  const [a, b] = await line.add('12', 'a', 'b');
  await line.deliveries.fail(await claimOne(), failure, false);
  await line.transitions.skip(a!, { actor: 'x', reason: 'gone' });
  await line.deliveries.giveBack(await claimOne());
  await line.transitions.undoSkip([a!], 'x');
  const first = await claimOne();
  expect(first.item.queueId).toBe(a!.queueId);
  await line.deliveries.complete(first, null, false);
  expect((await claimOne()).item.queueId).toBe(b!.queueId);
});

it('what goes wrong at every turn of the fleet’s routines is told once, and not as a detail', async () => {
  const told: string[] = [];
  const log = { ...silent, error: (_: object, message: string) => void told.push(message) };
  let turns = 0;
  class Broken extends Routine {
    readonly name = 'relay';
    protected readonly everyMs = 1;
    protected async turn(): Promise<void> {
      turns += 1;
      throw new Error('follow-up 3 could not be enqueued');
    }
  }
  const broken = new Broken(log);
  await broken.start();
  await until('some turns', () => turns > 3);
  await broken.stop();
  expect(told).toEqual(['relay: this turn failed']);
});
