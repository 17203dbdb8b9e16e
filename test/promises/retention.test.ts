import { describe, expect, it } from '@jest/globals';
import { Sessions } from '../../src/accounts/sessions.js';
import { Conflict } from '../../src/errors.js';
import { Audit } from '../../src/queues/audit.js';
import { PARALLEL } from '../../src/redis/keys.js';
import { stockWorker } from '../support/bullmq.js';
import { accept, done, fail, Line, product, tryAgain } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const DAY = 86_400_000;
/** By hand with 100,000: `ANDON_MANY=100000`. */
const MANY = Number(process.env['ANDON_MANY'] ?? 20_000);
const ever = { count: 10_000_000, ageMs: 3_650 * DAY };
const never = { count: 0, ageMs: 0 };
const all = { completed: ever, skipped: ever, resolved: ever, audit: ever };

/** Goes round until nothing is left to do; answers how many items went. */
async function forget(line: Line, kept: Partial<typeof all>): Promise<number> {
  const queues = await line.registry.everyQueueName();
  let removed = 0;
  for (const shard of line.keys.shards) {
    let rest = queues.filter((queue) => line.keys.shardOf(queue) === shard);
    for (let on = 1; on > 0; rest = rest.slice(on - 1)) {
      const [gone, next] = await line.deliveries.forget(shard, { ...all, ...kept }, rest);
      removed += gone;
      on = next;
    }
  }
  return removed;
}

/** Skipped products of channel 12 as the scripts leave them, made at once. KEYS[1] shard prefix, ARGV first id, how many. */
const SKIPPED = `
local ours, base = KEYS[1] .. ':andon:', KEYS[1] .. ':channel.12:'
for id = tonumber(ARGV[1]), ARGV[1] + ARGV[2] - 1 do
  local sku = 'sku:P' .. id
  redis.call('HSET', base .. id, 'name', 'update_product', 'data', '{"sku":"P' .. id .. '","price":18.5}', 'title',
    'P' .. id, 'entity', sku, 'outcome', 'skipped', 'outcomeDetails', '{"at":1}', 'finishedOn', 1, 'timestamp', 1)
  redis.call('ZADD', base .. 'completed', 1, id)
  redis.call('ZADD', ours .. 'skipped', 1, id)
  redis.call('HSET', ours .. 'items', id, 'channel.12')
  redis.call('ZADD', ours .. 'entity:' .. sku, id, id)
  redis.call('ZADD', ours .. 'entities', 0, 'p' .. id .. '\\n' .. sku)
end
redis.call('HINCRBY', ours .. 'line:channel.12', 'skipped', ARGV[2])`;

/** What a queue has come to: one item of each kind of end, one failed, two waiting behind it. */
async function oneOfEach(line: Line) {
  line.script = ({ data }) => (String(data['title']).startsWith('bad') ? fail : done);
  await line.startFleet();
  const [good, skipped] = await line.add('12', 'good', 'bad 1');
  await line.untilState(skipped!.queueId, 'failed');
  await line.transitions.skip(skipped!, { actor: 'Thandi', reason: 'gone' });
  const [resolved] = await line.add('12', 'bad 2');
  await line.untilState(resolved!.queueId, 'failed');
  await line.transitions.resolve(resolved!, { actor: 'Thandi', reference: 'INV-7' });
  const [failed, waiting] = await line.add('12', 'bad 3', 'behind', 'behind too');
  await line.untilState(failed!.queueId, 'failed');
  const ids = [good, skipped, resolved, failed, waiting].map((ticket) => ticket!.queueId);
  return ids as [number, number, number, number, number];
}

/** Names and contents of every key of this line that mentions an item. */
async function mentions(line: Line, queueId: number): Promise<string[]> {
  const found: string[] = [];
  const one = new RegExp(`(?<!\\d)${queueId}(?!\\d)`);
  let cursor = '0';
  do {
    const [next, names] = await line.redis.scan(cursor, 'MATCH', `{${line.prefix}:*`, 'COUNT', 500);
    for (const name of names) {
      const type = await line.redis.type(name);
      const text =
        type === 'hash'
          ? JSON.stringify(await line.redis.hgetall(name))
          : type === 'zset'
            ? (await line.redis.zrange(name, '0', '-1')).join(' ')
            : type === 'list'
              ? (await line.redis.lrange(name, 0, -1)).join(' ')
              : type === 'set'
                ? (await line.redis.smembers(name)).join(' ')
                : type === 'string'
                  ? String(await line.redis.get(name))
                  : '';
      if (one.test(name) || one.test(text)) found.push(name);
    }
    cursor = next;
  } while (cursor !== '0');
  return found;
}

describe('retention', () => {
  it('removes what was dealt with when it is old, and never what failed or waits', async () => {
    const line = await new Line(redis).ready('12');
    const [good, skipped, resolved, failed, waiting] = await oneOfEach(line);
    expect(await forget(line, { completed: never, skipped: never, resolved: never })).toBe(3);
    for (const id of [good, skipped, resolved]) expect(await line.finder.item(id)).toBeNull();
    expect((await line.item(failed)).state).toBe('failed');
    expect((await line.item(waiting)).state).toBe('waiting');
    expect(await line.status('channel.12')).toMatchObject({
      blocked: true,
      blockedBy: { queueId: failed },
      counts: { waiting: 2, failed: 1, completed: 0, skipped: 0, resolved: 0 },
    });
    // The block was not lifted by the side door.
    await line.transitions.retry(await line.item(failed), 'Thandi');
    await line.untilState(failed, 'failed');
    expect(line.started.at(-1)).toBe('bad 3');
  });

  it('keeps what is young enough and within the number, each outcome by its own', async () => {
    const line = await new Line(redis).ready('12');
    const [good, skipped, resolved] = await oneOfEach(line);
    expect(await forget(line, {})).toBe(0);
    expect(await forget(line, { resolved: { count: 0, ageMs: DAY } })).toBe(1);
    expect(await line.finder.item(resolved)).toBeNull();
    expect(await forget(line, { completed: { count: 10, ageMs: 0 } })).toBe(1);
    expect(await line.finder.item(good)).toBeNull();
    expect((await line.item(skipped)).state).toBe('skipped');
  });

  it('removes what a worker of plain BullMQ has completed, by the same number and age', async () => {
    const line = await new Line(redis).ready('12');
    await line.redis.set(line.keys.ours(line.keys.shards[0]!, 'id'), 5_551_000);
    const stock = stockWorker(redis, line, 'channel.12');
    const theirs = await line.add('12', 't1', 't2', 't3', 't4');
    const completed = line.keys.queue('channel.12', 'completed');
    await until('it to complete them', async () => (await line.redis.zcard(completed)) === 4);
    await stock.close();
    await line.startFleet();
    const [ours] = await line.add('12', 'ours');
    await line.untilState(ours!.queueId, 'completed');
    const left = async () => {
      const items = await Promise.all(theirs.map(({ queueId }) => line.finder.item(queueId)));
      return items.flatMap((item) => (item ? [item.title] : []));
    };
    expect(await forget(line, {})).toBe(0);
    expect(await forget(line, { completed: { count: 3, ageMs: DAY } })).toBe(1);
    expect(await left()).toEqual(['t2', 't3', 't4']);
    expect(await forget(line, { completed: { count: 3, ageMs: DAY } })).toBe(0);
    // Old enough: however few they are.
    await line.redis.zadd(completed, 1, String(theirs[1]!.queueId));
    await line.redis.hdel(line.keys.line('channel.12'), 'trimmed:strays');
    expect(await forget(line, { completed: { count: 3, ageMs: DAY } })).toBe(1);
    expect(await left()).toEqual(['t3', 't4']);
    await line.stopFleets();
    expect(await forget(line, { completed: never })).toBe(3);
    for (const { queueId } of theirs) expect(await mentions(line, queueId)).toEqual([]);
  });

  it('takes the oldest of too many', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ data }) => (String(data['title']).startsWith('bad') ? fail : done);
    await line.startFleet();
    const ids: number[] = [];
    for (const title of ['bad 1', 'good', 'bad 2', 'bad 3']) {
      const [ticket] = await line.add('12', title);
      const { queueId } = ticket!;
      await line.untilState(queueId, title === 'good' ? 'completed' : 'failed');
      if (title !== 'good') await line.transitions.resolve(ticket!, { actor: 'x' });
      ids.push(queueId);
    }
    expect(await forget(line, { resolved: { count: 1, ageMs: DAY } })).toBe(2);
    const left = await Promise.all(ids.map((id) => line.finder.item(id)));
    expect(left.map((item) => item?.data['title'])).toEqual([
      undefined,
      'good',
      undefined,
      'bad 3',
    ]);
  });

  it('leaves no key, field or member of what it removed', async () => {
    const line = await new Line(redis, { environment: { ANDON_SHARDS: '2' } }).ready('12', '13');
    for (const shard of line.keys.shards)
      await line.redis.set(line.keys.ours(shard, 'id'), 5_551_000);
    let first = true;
    line.script = async (delivery) => {
      delivery.log('one line of its log');
      await delivery.report({ kind: 'variant', key: 'red', state: 'done' });
      if (String(delivery.data['title']).startsWith('bad')) return fail;
      if (delivery.data['title'] === 'twice' && first) {
        first = false;
        return tryAgain;
      }
      const followUps =
        delivery.data['title'] === 'parent'
          ? [
              {
                instruction: 'update_product',
                channel: '12',
                data: { sku: 'kin', title: 'child' },
              },
              {
                instruction: 'update_product',
                channel: '13',
                data: { sku: 'kin', title: 'child' },
              },
            ]
          : [];
      return { kind: 'done', result: { ok: true }, followUps };
    };
    await line.put('channel', '12', { attempts: 2, firstDelayMs: 10, maxDelayMs: 10 });
    await line.startFleet();
    const keyed = { ...product('12', 'parent'), idempotencyKey: 'k-1' };
    const [parent] = await line.enqueuer.enqueue([keyed]);
    const [twice, bad] = await line.add('12', 'twice', 'bad');
    await line.untilState(bad!.queueId, 'failed');
    const shirts = await line.enqueuer.enqueue(
      ['update 1', 'update 2'].map((title) => product('12', title, { sku: 'bad' })),
    );
    await line.transitions.skip(bad!, { actor: 'x', reason: 'gone', scope: 'entity' });
    for (const { queueId } of shirts) await line.untilState(queueId, 'skipped');
    const [fixed] = await line.add('13', 'bad 2');
    await line.untilState(fixed!.queueId, 'failed');
    await line.transitions.resolve(fixed!, { actor: 'x' });
    const parallel = await line.enqueuer.enqueue([
      accept('send_email', {}, { to: 'a@b.example', subject: 'S', text: 'T' }),
    ]);
    await line.untilState(parallel[0]!.queueId, 'completed');
    await until('the children to be done', async () => {
      const counts = await Promise.all([line.status('channel.12'), line.status('channel.13')]);
      return counts.every((queue) => queue.counts.waiting + queue.counts.active === 0);
    });
    const tickets = [parent, twice, bad, ...shirts, fixed, ...parallel];
    const ids = tickets.map((ticket) => ticket!.queueId);
    for (const id of ids) expect((await mentions(line, id)).length).toBeGreaterThan(1);

    await line.stopFleets();
    expect(await forget(line, { completed: never, skipped: never, resolved: never })).toBe(
      ids.length + 2,
    );
    const left = new Set<string>();
    for (const id of ids) for (const name of await mentions(line, id)) left.add(name);
    // What the producer was answered is remembered for its own time.
    expect([...left].filter((name) => !name.includes(':idempotency:'))).toEqual([]);
    for (const queue of ['channel.12', 'channel.13', PARALLEL]) {
      const { counts } = await line.status(queue);
      expect(Object.values(counts).every((count) => count === 0)).toBe(true);
    }
    const shard = line.keys.shardOf('channel.12');
    expect(await line.redis.zcard(line.keys.ours(shard, 'entities'))).toBe(0);
  });

  it('is done by the fleet, also in a queue that was deleted', async () => {
    const line = await new Line(redis, { retention: { completed: never } }).ready('12');
    await line.startFleet();
    const tickets = await line.add('12', 'a', 'b', 'c');
    await line.untilStarted(3);
    await until('the last one to be gone', async () => {
      const items = await Promise.all(tickets.map(({ queueId }) => line.finder.item(queueId)));
      return items.every((item) => item === null);
    });
    await line.stopFleets();

    const later = await new Line(redis, { prefix: line.prefix }).ready();
    await later.startFleet();
    const [old] = await later.add('12', 'd');
    await later.untilState(old!.queueId, 'completed');
    await later.registry.delete('channel', '12');
    await later.stopFleets();
    const last = await new Line(redis, {
      prefix: line.prefix,
      retention: { completed: never },
    }).ready();
    await last.startFleet();
    await until('the item of the deleted queue to be gone', async () => {
      return (await last.finder.item(old!.queueId)) === null;
    });
  });

  it('an idempotency key answers as before when its item is gone, and nothing runs again', async () => {
    const line = await new Line(redis).ready('12');
    await line.startFleet();
    const request = { ...product('12', 'a'), idempotencyKey: 'k-1' };
    const [first] = await line.enqueuer.enqueue([request]);
    await line.untilState(first!.queueId, 'completed');
    await forget(line, { completed: never });
    const [again] = await line.enqueuer.enqueue([request]);
    expect(again).toEqual({ ...first, replayed: true });
    expect((await line.status('channel.12')).counts).toMatchObject({ waiting: 0, active: 0 });
    expect(line.started).toEqual(['a']);
  });

  it('skips of the last week can be taken back, however many there are', async () => {
    const line = await new Line(redis).ready('12');
    await line.transitions.pause('channel.12', 'x');
    const tickets = await line.add('12', ...Array.from({ length: 20 }, (_, n) => `p${n}`));
    await line.transitions.clear('channel.12', 'x', 'by mistake', 20);
    expect(await forget(line, { skipped: { count: 5, ageMs: 365 * DAY } })).toBe(0);
    await line.transitions.undoSkip(tickets, 'x', 'it was one');
    expect((await line.status('channel.12')).counts).toMatchObject({ waiting: 20, skipped: 0 });
  });

  it('a skip is not taken back when what may have overtaken it was removed', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ data }) => (String(data['title']).startsWith('bad') ? fail : done);
    await line.startFleet();
    const [old] = await line.enqueuer.enqueue([product('12', 'bad price', { sku: 'shirt' })]);
    await line.untilState(old!.queueId, 'failed');
    await line.transitions.skip(old!, { actor: 'x', reason: 'gone' });
    const [newer] = await line.enqueuer.enqueue([product('12', 'bad anew', { sku: 'shirt' })]);
    await line.untilState(newer!.queueId, 'failed');
    await line.transitions.resolve(newer!, { actor: 'x', reference: 'typed in by hand' });
    await forget(line, { resolved: never });
    await expect(line.transitions.undoSkip([old!], 'x', 'oops')).rejects.toThrow(Conflict);
    expect((await line.item(old!.queueId)).state).toBe('skipped');
  });

  it('nor on the parallel queue, where only the order of an entity counts', async () => {
    const line = await new Line(redis).ready();
    await line.put('service', 'hub');
    const sync = () =>
      line.enqueuer.enqueue([accept('sync_fulfillment', {}, { orderNumber: '1001' })]);
    line.script = () => fail;
    await line.startFleet();
    const [old] = await sync();
    await line.untilState(old!.queueId, 'failed');
    await line.transitions.skip(old!, { actor: 'x', reason: 'gone' });
    line.script = () => done;
    const [newer] = await sync();
    await line.untilState(newer!.queueId, 'completed');
    await forget(line, { completed: never });
    await expect(line.transitions.undoSkip([old!], 'x', 'oops')).rejects.toThrow(Conflict);
  });

  it(`removes ${MANY} in steps that hold Redis for moments only`, async () => {
    const line = await new Line(redis).ready('12');
    for (let first = 1; first < MANY; first += 5_000)
      await line.redis.eval(SKIPPED, 1, line.keys.shardOf('channel.12').prefix, first, 5_000);
    expect((await line.item(MANY - 1)).state).toBe('skipped');
    const shard = line.keys.shardOf('channel.12');
    let removed = 0;
    await line.redis.call('CONFIG', 'RESETSTAT');
    for (let on = 1; on > 0; ) {
      const kept = { ...all, skipped: never };
      const [gone, next] = await line.deliveries.forget(shard, kept, ['channel.12']);
      expect(gone).toBeLessThanOrEqual(100);
      removed += gone;
      on = next;
    }
    expect(removed).toBe(MANY);
    const stats = await line.redis.info('commandstats');
    // Time says more of the machine than of the step: each is 100 items, and some ten commands an item.
    const calls = [...stats.matchAll(/:calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
    expect(calls / MANY).toBeLessThan(15);
    expect((await line.status('channel.12')).counts.skipped).toBe(0);
  }, 180_000);

  it('cuts the audit by number and by age, and keeps it longer than the items', async () => {
    const line = await new Line(redis).ready('12');
    const audit = new Audit(line.redis, line.keys);
    for (let n = 0; n < 1_000; n++) await audit.write('x', 'settings', { n });
    await forget(line, { completed: never, skipped: never, resolved: never });
    const key = line.keys.ours(line.keys.shardOf('channel.12'), 'audit');
    expect(await line.redis.xlen(key)).toBe(1_000);
    await forget(line, { audit: { count: 300, ageMs: 10 * DAY } });
    // In whole nodes of the stream.
    const kept = await line.redis.xlen(key);
    expect(kept).toBeGreaterThanOrEqual(300);
    expect(kept).toBeLessThan(420);
    expect((await audit.read(1)).items[0]).toMatchObject({ n: 999 });
    await forget(line, { audit: { count: 300, ageMs: 0 } });
    expect(await line.redis.xlen(key)).toBeLessThan(110);
  });

  it('what else grows is bounded: sessions of one user', async () => {
    const line = await new Line(redis).ready();
    const sessions = new Sessions(line.redis, line.keys, { idleMs: DAY, absoluteMs: DAY });
    const secrets: string[] = [];
    for (let n = 0; n < 130; n++) secrets.push(await sessions.open('bot', '::1', 'curl'));
    expect(await sessions.list('bot')).toHaveLength(100);
    expect(await sessions.find(secrets[0] ?? '', false)).toBeNull();
    expect(await sessions.find(secrets[129] ?? '', false)).toMatchObject({ user: 'bot' });
  });
});
