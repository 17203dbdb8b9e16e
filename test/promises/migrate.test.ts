import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FleetSwitch } from '../../src/blocking/fleet-switch.js';
import { type Config, loadConfig } from '../../src/config/load.js';
import { migrations } from '../../src/migrations/all.js';
import type { Migration } from '../../src/migrations/migration.js';
import { migrate } from '../../src/programs/migrate.js';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { EmbeddedRedis } from '../../src/redis/embedded.js';
import { Keys } from '../../src/redis/keys.js';
import { LAYOUT, readLayout } from '../../src/redis/layout.js';
import { System } from '../../src/system.js';
import { Api, SECRET_KEY } from '../support/api.js';
import { silent } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';
import { Witness } from '../support/witness.js';
import { kill, startWorker } from '../support/workers.js';

const redis = await startTestRedis();
const ownDirectory = await temporaryDirectory();
const shop = await new Witness().start();
const said: string[] = [];
const say = (line: string) => void said.push(line);
afterEach(() => {
  said.length = 0;
});

const configOf = (api: Api): Config =>
  loadConfig({
    REDIS_URL: redis.url,
    ANDON_PREFIX: api.prefix,
    ANDON_CONFIG: 'test/support/empty.yaml',
    ANDON_SECRET_KEY: SECRET_KEY,
  });

/** An installation with three channels and 300 items in the first, of which the first has failed. */
async function installation(roles: readonly ('api' | 'worker')[] = ['api']): Promise<Api> {
  const api = await Api.start(redis, { roles });
  for (const id of ['12', '13'])
    await api.call('PUT', `/v1/channels/${id}`, {
      body: { description: id, connector: { type: 'http', url: 'http://127.0.0.1:9/never' } },
    });
  const items = Array.from({ length: 300 }, (_, n) => ({
    instruction: 'add_product',
    channel: '12',
    data: { sku: `SKU-${n}`, title: `p${n}` },
  }));
  await api.call('POST', '/v1/items/batch', { body: { items } });
  return api;
}

/** As an Andon would have left it that knew nothing of layouts, of indexes and of sealed secrets. */
async function madeOld(api: Api): Promise<void> {
  const { keys, redis: db } = api;
  const shard = keys.shards[0]!;
  await db.del(keys.registry.layout, keys.layoutOf(shard), keys.layoutOf(keys.alertSlot));
  await db.hset(keys.registry.secrets, 'channel.12', JSON.stringify({ secret: 'whsec_plain' }));
  await db.del(keys.ours(shard, 'entities'));
  for (const field of await db.hkeys(keys.line('channel.12')))
    if (field.startsWith('open:')) await db.hdel(keys.line('channel.12'), field);
}

const layout = (api: Api) => readLayout(api.redis, api.keys);
/** Everything that the installation keeps, to see that nothing of it changed. */
async function kept(api: Api): Promise<string[]> {
  const names = (await api.redis.keys(`{${api.prefix}:*`)).sort();
  const dumps = await Promise.all(names.map((name) => api.redis.dumpBuffer(name)));
  return names
    .map((name, n) => `${name} ${dumps[n]?.toString('base64')}`)
    .filter(
      (line) =>
        !/:(probe|processes|process:|figures|migrating|sweeper|metrics|requests:)/.test(line),
    );
}

test('the first start gives the data their layout, and a later one finds it', async () => {
  const api = await installation();
  expect(await layout(api)).toEqual({ is: LAYOUT, goingTo: null });
  await Api.start(redis, { roles: ['api'], prefix: api.prefix });
  await migrate(api.redis, configOf(api), { say });
  expect(said).toEqual([`The data are of layout ${LAYOUT}, the newest: nothing to do.`]);
});

describe('data from before layouts had numbers', () => {
  test('are refused at the start, looked at by a dry run, and brought up to date by andon migrate', async () => {
    const api = await installation();
    const { keys, redis: db } = api;
    await madeOld(api);
    const start = Api.start(redis, { roles: ['api'], prefix: api.prefix });
    await expect(start).rejects.toThrow(/are of layout 0, and this Andon needs 1: .*andon migrate/);

    const before = await kept(api);
    await migrate(db, configOf(api), { say, dryRun: true });
    expect(said.join('\n')).toMatch(/1 of 2 secrets, 3 queues, 300 items/);
    expect(await kept(api)).toEqual(before);

    await migrate(db, configOf(api), { say });
    expect(said.at(-1)).toBe('Done: the data are of layout 1.');
    expect(await db.hget(keys.registry.secrets, 'channel.12')).not.toContain('whsec_plain');
    expect(await db.zcard(keys.ours(keys.shards[0]!, 'entities'))).toBe(300);
    expect(await db.hget(keys.line('channel.12'), 'open:sku')).toBe('300');
    expect(await db.hgetall(keys.ours(keys.shards[0]!, 'fleetPause'))).toEqual({});

    const done = await kept(api);
    await migrate(db, configOf(api), { say });
    expect(await kept(api)).toEqual(done);
    const again = await Api.start(redis, { roles: ['api'], prefix: api.prefix });
    const { items } = (await again.call('GET', '/v1/audit')).body;
    expect(items.find(({ action }) => action === 'migrate')).toMatchObject({
      action: 'migrate',
      actor: 'andon migrate',
      from: 0,
      to: 1,
    });
  });

  test('are not touched while workers are connected that know of no layouts', async () => {
    const api = await installation();
    await madeOld(api);
    const worker = connectRedis(redis.url, { name: 'andon-crew-blocking', kind: 'blocking' });
    await until('the worker to be connected', async () => (await worker.ping()) === 'PONG');
    const before = await kept(api);
    await expect(migrate(api.redis, configOf(api), { say })).rejects.toThrow(
      /stop all processes first/,
    );
    expect(await kept(api)).toEqual(before);
    worker.disconnect();
    await until(
      'it to be gone',
      async () => !String(await api.redis.client('LIST')).includes('crew'),
    );
    await migrate(api.redis, configOf(api), { say });
    expect(await layout(api)).toEqual({ is: 1, goingTo: null });
  });
});

describe('a worker that was killed in mid-delivery', () => {
  test('does not stand in the way of andon migrate once its lock has run out, though no worker is left', async () => {
    shop.answer = () => undefined;
    const api = await installation();
    const connector = { type: 'http', url: shop.url, timeoutMs: 60_000 };
    await api.call('PUT', '/v1/channels/13', { body: { description: '13', connector } });
    const item = { instruction: 'add_product', channel: '13', data: { sku: 'X', title: 'x' } };
    const { queueId } = (await api.call('POST', '/v1/items', { body: item })).body;
    const worker = await startWorker(api, redis.url, 2_000);
    await until('it to deliver', () => shop.sightings.length > 0);
    await kill(worker);
    await until(
      'its connections to be gone',
      async () => !String(await api.redis.client('LIST')).includes('crew'),
    );
    await madeOld(api);
    // Its lock lives for a moment.
    await expect(migrate(api.redis, configOf(api), { say, wait: 0 })).rejects.toThrow(
      /1 deliveries still run/,
    );
    await migrate(api.redis, configOf(api), { say });
    expect(await layout(api)).toEqual({ is: LAYOUT, goingTo: null });
    // And whoever works next delivers it.
    shop.answer = () => 200;
    await startWorker(api, redis.url, 2_000);
    await api.untilState(queueId, 'completed');
  });

  test('does not keep the private Redis from being brought on at the next start', async () => {
    const config = loadConfig({
      ANDON_DATA_DIR: ownDirectory,
      ANDON_PREFIX: redis.freshPrefix(),
      ANDON_PORT: '0',
      ANDON_CONFIG: 'test/support/empty.yaml',
      ANDON_SECRET_KEY: SECRET_KEY,
    });
    const run = async (work: () => Promise<void> = async () => {}) => {
      const system = new System(config, { roles: ['api'], log: silent, giveUp: () => {} });
      try {
        await system.start();
        await work();
      } finally {
        await system.stop();
      }
    };
    await run();
    // What it leaves: an item in the index of deliveries, whose lock is over.
    const embedded = new EmbeddedRedis({ dataDir: config.dataDir });
    await embedded.start();
    const db = connectRedis(embedded.url, { name: 'test', kind: 'fleet' });
    await untilReady(db, 5_000);
    const keys = new Keys(config.prefix, 1);
    const shard = keys.shards[0]!;
    await db.zadd(keys.ours(shard, 'inflight'), Date.now() - 1_000, 'channel.13 7');
    await db.del(keys.registry.layout, keys.layoutOf(shard), keys.layoutOf(keys.alertSlot));
    await closeRedis(db, 1_000);
    await embedded.stop();
    await run();
  }, 30_000);
});

/** A layout that is to come: every item gets a field. */
function next(options: { breakAt?: number; gate?: Promise<void> } = {}): Migration {
  let broken = false;
  return {
    to: 2,
    does: 'marks every item',
    look: async () => 'all of them',
    async run({ redis: db, keys }, tell) {
      const items = Object.entries(await db.hgetall(keys.ours(keys.shards[0]!, 'items')));
      await options.gate;
      for (const [n, [id, queue]] of items.entries()) {
        if (n === options.breakAt && !broken) {
          broken = true;
          throw new Error('killed here');
        }
        await db.hsetnx(keys.item(queue, id), 'marked', 'yes');
      }
      tell(`${items.length} marked`);
    },
  };
}

describe('a newer layout', () => {
  test('a migration that was interrupted leaves nobody at work, and goes on when it is run again', async () => {
    const api = await installation();
    const steps = [...migrations, next({ breakAt: 100 })];
    await expect(migrate(api.redis, configOf(api), { say }, steps)).rejects.toThrow('killed here');
    expect(await layout(api)).toEqual({ is: 1, goingTo: 2 });
    const refused = await api.call('POST', '/v1/items', {
      body: { instruction: 'add_product', channel: '13', data: { sku: 'X', title: 'x' } },
      headers: { 'Idempotency-Key': 'once' },
    });
    expect(refused).toMatchObject({
      status: 503,
      body: { type: expect.stringContaining('wrong-layout') },
    });
    expect(refused.body.detail).toContain('run andon migrate again');
    await migrate(api.redis, configOf(api), { say }, steps);
    expect(await layout(api)).toEqual({ is: 2, goingTo: null });
    const ids = await api.redis.lrange(api.keys.queue('channel.12', 'wait'), 0, -1);
    const marks = await Promise.all(
      ids.map((id) => api.redis.hget(api.keys.item('channel.12', id), 'marked')),
    );
    expect(new Set(marks)).toEqual(new Set(['yes']));
    expect(ids.map(Number)).toEqual(ids.map(Number).sort((a, b) => b - a));
    expect(await new FleetSwitch(api.redis, undefined as never, api.keys).state()).toMatchObject({
      paused: null,
    });
  });

  test('is refused by processes of an older Andon, those that run and those that start', async () => {
    const api = await installation();
    const worker = startProcess(api, 'worker');
    await worker.started();
    await migrate(api.redis, configOf(api), { say }, [...migrations, next()]);
    const body = { instruction: 'add_product', channel: '13', data: { sku: 'X', title: 'x' } };
    const before = await kept(api);
    expect((await api.call('POST', '/v1/items', { body })).body.detail).toMatch(
      /are of layout 2, and this Andon knows only 1: a newer one has taken over/,
    );
    expect(await worker.ended).toEqual(70);
    expect(worker.log()).toContain('a newer one has taken over');
    const late = startProcess(api, 'worker');
    expect(await late.ended).toBe(2);
    expect(late.log()).toContain('this Andon knows only 1');
    expect(await kept(api)).toEqual(before);
    await expect(migrate(api.redis, configOf(api), { say })).rejects.toThrow(
      /newer than this Andon knows/,
    );
  });

  test('waits for deliveries that run; when they do not end nothing is changed and the fleet goes on', async () => {
    const api = await installation();
    const shard = api.keys.shards[0]!;
    await api.redis.zadd(api.keys.ours(shard, 'inflight'), Date.now() + 60_000, 'channel.13 7');
    const steps = [...migrations, next()];
    const before = await kept(api);
    await expect(migrate(api.redis, configOf(api), { say, wait: 0 }, steps)).rejects.toThrow(
      /1 deliveries still run/,
    );
    const after = (await kept(api)).filter((line) => !/:(events|audit) /.test(line));
    expect(after).toEqual(before.filter((line) => !/:(events|audit) /.test(line)));
    const running = migrate(api.redis, configOf(api), { say }, steps);
    await until('the fleet to be paused for it', () =>
      api.redis.exists(api.keys.ours(shard, 'fleetPause')),
    );
    expect((await layout(api)).goingTo).toBeNull();
    await api.redis.zrem(api.keys.ours(shard, 'inflight'), 'channel.13 7');
    await running;
    expect((await layout(api)).is).toBe(2);
  });

  test('is made by one at a time, and a pause that a person made stays', async () => {
    const api = await installation();
    await api.call('POST', '/v1/fleet/pause', { body: { reason: 'upgrade' } });
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const steps = [...migrations, next({ gate })];
    const first = migrate(api.redis, configOf(api), { say }, steps);
    await until('it to be under way', async () => (await layout(api)).goingTo === 2);
    await expect(migrate(api.redis, configOf(api), { say }, steps)).rejects.toThrow(
      /Another andon migrate/,
    );
    open();
    await first;
    expect(await layout(api)).toEqual({ is: 2, goingTo: null });
    const pause = await api.redis.hgetall(api.keys.ours(api.keys.shards[0]!, 'fleetPause'));
    expect(pause['reason']).toBe('upgrade');
  });
});

function startProcess(api: Api, role: string) {
  const child = spawn(process.execPath, ['dist/cli.js', role], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: redis.url,
      ANDON_PREFIX: api.prefix,
      ANDON_SECRET_KEY: SECRET_KEY,
      ANDON_CONFIG: 'test/support/worker.yaml',
    },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      text += data;
    });
  return {
    log: () => text,
    started: () => until('the worker to start', () => text.includes('worker started'), 60_000),
    ended: once(child, 'exit').then(([code]) => code as number),
  };
}
