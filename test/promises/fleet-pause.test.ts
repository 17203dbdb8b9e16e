import { describe, expect, it, test } from '@jest/globals';
import { FleetSwitch } from '../../src/blocking/fleet-switch.js';
import { standstill } from '../../src/fleet/standstill.js';
import { Api } from '../support/api.js';
import { Person } from '../support/desk.js';
import { accept, done, fail, Line, type LineOptions, product } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

const switchOf = (line: Line) => new FleetSwitch(line.redis, line.scripts, line.keys);
const order = (queueId: number) =>
  accept('update_order_instruction', {}, { orderNumber: String(queueId) });

/** A line and its switch; two fleets run. */
async function running(options: LineOptions = {}, ...channels: string[]) {
  // No sweep in between: whoever resumes the fleet has it go on at once.
  const line = await new Line(redis, { fleet: { sweepMs: 60_000 }, ...options }).ready(...channels);
  await line.startFleet();
  await line.startFleet();
  return { line, fleet: switchOf(line) };
}

/** Seen, not slept: items enqueued now on a fresh connection would have been claimed long before. */
async function untilTended(line: Line): Promise<void> {
  const shard = line.keys.shards[0]!;
  for (let n = 0; n < 5; n += 1) {
    await line.deliveries.tend(shard, 3);
    await line.deliveries.claim(shard, 'blocking', 0, 'nobody');
  }
}

describe('a paused fleet', () => {
  it('finishes what runs, starts nothing, and goes on in order where it stood', async () => {
    const { line, fleet } = await running({}, '12', '13');
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    line.script = async ({ data }) => {
      if (data['title'] === 'a1') await held;
      return done;
    };
    await line.add('12', 'a1', 'a2', 'a3');
    await line.untilStarted(1);
    expect(await fleet.pause('jane', 'new Redis')).toMatchObject({
      paused: { by: 'jane', reason: 'new Redis' },
      running: 1,
    });
    // What comes is accepted: into the queue that runs, into an idle one, and into the parallel one.
    const [, b1] = await line.enqueuer.enqueue([product('12', 'a4'), product('13', 'b1')]);
    await line.put('service', 'hub');
    await line.enqueuer.enqueue([order(7)]);
    release();
    await until('nothing to run', async () => (await fleet.state()).running === 0);
    await untilTended(line);
    expect(line.started).toEqual(['a1']);
    expect((await line.item(b1!.queueId)).state).toBe('waiting');

    await fleet.resume('jane');
    await line.untilStarted(6);
    expect(line.started.filter((title) => title.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(line.started.sort()).toEqual(['7', 'a1', 'a2', 'a3', 'a4', 'b1']);
    expect(Math.max(...line.mostRunning.values())).toBe(1);
  });

  it('lets neither a hold that is over, nor a dead worker’s item, nor a follow-up start', async () => {
    const { line, fleet } = await running(
      { environment: { ANDON_LOCK_MS: '500' } },
      '12',
      '13',
      '14',
    );
    await line.put('source', 'erp');
    // A follow-up is caused by what runs when the fleet is paused.
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    line.script = async ({ instruction, data }) => {
      if (instruction === 'sync_product') {
        await held;
        const child = { instruction: 'add_product', channel: '14', data: { sku: 'C', title: 'c' } };
        return { kind: 'done', followUps: [child] };
      }
      if (data['title'] === 'h' && line.started.filter((one) => one === 'h').length === 1)
        return { kind: 'hold', failure: { message: 'away', cause: 'connection' }, waitMs: 30 };
      return done;
    };
    const [parent] = await line.enqueuer.enqueue([
      accept('sync_product', { source: 'erp' }, { sku: 'P', title: 'p' }),
    ]);
    await line.untilStarted(1);
    const [h] = await line.add('12', 'h');
    await line.untilState(h!.queueId, 'backing-off');
    await fleet.pause('jane', 'maintenance');
    // A worker that dies: claimed by hand past the pause is not possible, so its item lies in active.
    const [dead] = await line.add('13', 'd');
    const shard = line.keys.shardOf('channel.13');
    await line.redis.rpoplpush(
      line.keys.queue('channel.13', 'wait'),
      line.keys.queue('channel.13', 'active'),
    );
    await line.redis.zadd(line.keys.ours(shard, 'inflight'), 1, `channel.13 ${dead!.queueId}`);
    release();
    await line.untilState(parent!.queueId, 'completed');
    const child = await until('the follow-up in its queue', async () => {
      const { items } = await line.finder.search({ queue: 'channel.14' }, 10);
      return items[0];
    });
    await until(
      'the hold to be over',
      async () => (await line.status('channel.12')).heldUntil === null,
    );
    await line.untilState(dead!.queueId, 'waiting');
    await untilTended(line);
    expect(line.started).toEqual(['p', 'h']);
    expect((await line.item(child.queueId)).state).toBe('waiting');
    await fleet.resume('jane');
    await line.untilStarted(5);
    expect(line.started.slice(2).sort()).toEqual(['c', 'd', 'h']);
  });

  it('keeps blocks and pauses of queues through pause and resume, and a retry waits for the resume', async () => {
    const { line, fleet } = await running({}, '12', '13');
    line.script = ({ data }) => (data['title'] === 'bad' ? fail : done);
    const [bad] = await line.add('12', 'bad', 'behind');
    await line.untilState(bad!.queueId, 'failed');
    await line.transitions.pause('channel.13', 'jim');
    await line.add('13', 'p');
    await fleet.pause('jane', 'maintenance');
    await fleet.resume('jane');
    await untilTended(line);
    expect(await line.status('channel.12')).toMatchObject({ blocked: true });
    expect(await line.status('channel.13')).toMatchObject({ paused: true });
    expect(line.started).toEqual(['bad']);

    await fleet.pause('jane', 'again');
    line.script = () => done;
    await line.transitions.retry(await line.item(bad!.queueId), 'jim');
    await line.transitions.resume('channel.13', 'jim');
    await untilTended(line);
    expect(line.started).toEqual(['bad']);
    await fleet.resume('jane');
    await line.untilStarted(4);
    expect(line.started.filter((title) => title !== 'p')).toEqual(['bad', 'bad', 'behind']);
  });

  it('is one over all shards; a pause that was interrupted between two is completed', async () => {
    const { line, fleet } = await running({ environment: { ANDON_SHARDS: '4' } }, ...'abcdefgh');
    const [one, , three] = line.keys.shards;
    await line.scripts.run('fleet-pause', one!, ['jane', 'half', 1]);
    expect((await fleet.state()).paused).toMatchObject({ reason: 'half' });
    await fleet.pause('jane', 'maintenance');
    await expect(fleet.pause('jim', 'me too')).rejects.toThrow(/paused already, by jane since/);
    for (const channel of 'abcdefgh') await line.add(channel, channel);
    await untilTended(line);
    expect(line.started).toEqual([]);
    await line.scripts.run('fleet-resume', three!, ['jane', 0]);
    await fleet.resume('jane');
    await line.untilStarted(8);
    await expect(fleet.resume('jim')).rejects.toThrow('the fleet is not paused');
  });

  it('is quiet once the lock of a worker that was killed is over, though no other is there to look', async () => {
    const line = await new Line(redis, { environment: { ANDON_LOCK_MS: '500' } }).ready('12', '13');
    const fleet = switchOf(line);
    await line.add('12', 'a');
    const shard = line.keys.shardOf('channel.12');
    const [dead] = await line.deliveries.claim(shard, 'blocking', 1, 'dead');
    expect((await fleet.pause('jane', 'maintenance')).running).toBe(1);
    await until('nothing to run', async () => (await fleet.state()).running === 0);
    expect(await line.redis.exists(line.keys.lock('channel.12', dead!.item.queueId))).toBe(0);
    // A stock worker renews its lock, and nobody but a worker of ours tells the index.
    await line.redis.set(line.keys.lock('channel.12', dead!.item.queueId), 'theirs', 'PX', 60_000);
    expect((await fleet.state()).running).toBe(1);
  });

  it('does not make a worker look as if it hung', async () => {
    const { line, fleet } = await running({}, '12');
    await fleet.pause('jane', 'maintenance');
    await line.add('12', 'a');
    const ready = line.keys.ours(line.keys.shards[0]!, 'readyBlocking');
    await until('a queue that is ready', () => line.redis.zcard(ready));
    await line.redis.zadd(ready, Date.now() - 45_000, 'channel.12');
    const idle = { kind: 'blocking', slots: 1, free: 1 } as const;
    const look = () => standstill({ loops: [], crews: [idle] }, line.redis, line.keys, 30_000);
    expect(await look()).toBeNull();
    await line.stopFleets();
    await fleet.resume('jane');
    expect(await look()).toMatch(/have been ready for 4/);
  });
});

test('admins pause the fleet over the API, all see it, and it is in the audit', async () => {
  const api = await Api.start(redis, { roles: ['api', 'worker'] });
  const operator = (
    await api.call('POST', '/v1/keys', { body: { scopes: ['read', 'operate'], description: 'op' } })
  ).body.key;
  expect(
    (await api.call('POST', '/v1/fleet/pause', { key: operator, body: { reason: 'x' } })).status,
  ).toBe(403);
  expect((await api.call('POST', '/v1/fleet/pause', { body: {} })).status).toBe(422);
  const paused = await api.call('POST', '/v1/fleet/pause', { body: { reason: 'new Redis <b>' } });
  expect(paused).toMatchObject({
    status: 200,
    body: { paused: { reason: 'new Redis <b>' }, running: 0 },
  });
  expect((await api.call('POST', '/v1/fleet/pause', { body: { reason: 'x' } })).status).toBe(409);
  expect((await api.call('GET', '/v1/fleet', { key: operator })).body['paused']).not.toBeNull();
  expect((await api.call('GET', '/readyz', { key: null })).status).toBe(200);
  const desk = await (await Person.of(api, { name: 'vic', role: 'viewer' })).get('/');
  expect(desk.text).toContain('The whole fleet is paused');
  expect(desk.text).toContain('new Redis &lt;b>');
  expect((await api.call('POST', '/v1/fleet/resume')).body).toEqual({ paused: null, running: 0 });
  const { items } = (await api.call('GET', '/v1/audit')).body;
  expect(items.filter(({ action }) => String(action).endsWith('-fleet'))).toMatchObject([
    { action: 'resume-fleet', actor: expect.stringContaining('boot') },
    { action: 'pause-fleet', reason: 'new Redis <b>', queue: null },
  ]);
});
