/**
 * The desk with 5,000 queues, 200 of them blocked, and 100,000 items: how long its lists and searches take, how
 * long 5,000 failures in 200 clusters, and Bull Board's poll against a stock Bull Board with as many BullMQ queues, in the same run.
 *   node bench/desk.mjs [--queues 5000] [--blocked 200] [--items 100000] [--failures 5000] [--chromium /usr/bin/chromium]
 * Times are of whole HTTP exchanges on this machine, seen from another process: more than the server's own.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EmbeddedRedis } from '../dist/redis/embedded.js';
import { inFlight } from './lib/numbers.mjs';

const silent = { debug() {}, info() {}, warn() {}, error: console.error };
const ROUNDS = 30;

/** A process that serves: Andon's desk, or a stock Bull Board. */
async function serve(what, url, more) {
  const address =
    what === 'andon' ? await serveAndon(url, more) : await serveStock(url, Number(more));
  process.send(address);
  process.on('message', () => process.send(process.cpuUsage()));
}

async function serveAndon(url, prefix) {
  const { System } = await import('../dist/system.js');
  const { loadConfig } = await import('../dist/config/load.js');
  const config = loadConfig({
    REDIS_URL: url,
    ANDON_PREFIX: prefix,
    ANDON_PORT: '0',
    ANDON_SECRET_KEY: randomBytes(32).toString('base64'),
  });
  const system = new System(config, { roles: ['api'], log: silent, giveUp() {} });
  await system.start();
  return system.url;
}

async function serveStock(url, count) {
  const [
    { createBullBoard },
    { BullMQAdapter },
    { ExpressAdapter },
    { Queue },
    { Redis },
    express,
  ] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter.js').catch(() => import('@bull-board/api/bullMQAdapter')),
    import('@bull-board/express'),
    import('bullmq'),
    import('ioredis'),
    import('express'),
  ]);
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  connection.setMaxListeners(0);
  const queues = Array.from({ length: count }, (_, n) => {
    const queue = new Queue(`q${n}`, { connection, prefix: 'stock' });
    queue.on('error', console.error);
    return queue;
  });
  await inFlight(count, 50, (n) => queues[n].add('add_product', { sku: `SKU-${n}` }));
  const adapter = new ExpressAdapter();
  createBullBoard({ queues: queues.map((one) => new BullMQAdapter(one)), serverAdapter: adapter });
  const app = express.default().use(adapter.getRouter());
  const server = await new Promise((resolve) => {
    const open = app.listen(0, '127.0.0.1', () => resolve(open));
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** Fills Redis: queues with items, of which the first of some queues fails, in so many ways. */
async function fill(url, prefix, { queues, blocked, items, ways = 1 }) {
  const from = (path) => import(`../dist/${path}.js`);
  const [{ loadConfig }, { Fleet }, { loadCatalogue }, { Enqueuer }, { Registry }] =
    await Promise.all([
      from('config/load'),
      from('fleet/fleet'),
      from('instructions/catalogue'),
      from('queues/enqueue'),
      from('queues/registry'),
    ]);
  const [{ closeRedis, connectRedis, untilReady }, { Keys }, { Scripts }] = await Promise.all([
    from('redis/connect'),
    from('redis/keys'),
    from('redis/script'),
  ]);
  const config = loadConfig({ ANDON_PREFIX: prefix });
  const keys = new Keys(prefix, config.shards);
  const redis = connectRedis(url, { name: 'bench', kind: 'fleet' });
  await untilReady(redis, 5_000);
  const scripts = new Scripts(redis, keys);
  const registry = new Registry(redis, scripts, keys);
  const enqueuer = new Enqueuer(redis, scripts, keys);
  const endpoint = (n) => ({
    kind: 'channel',
    id: `c${n}`,
    description: `Shop ${n}`,
    client: `client-${n % 100}`,
    connector: { type: 'bench', url: 'https://shop.example/' },
    retry: null,
    rateLimit: null,
    resendUnknown: false,
    recordUrl: null,
  });
  await inFlight(queues, 50, (n) => registry.put(endpoint(n), {}));
  // Half of the items lie behind the blocked heads.
  const behind = Math.round(items / 2 / blocked);
  const others = Math.round(items / 2 / Math.max(1, queues - blocked));
  await inFlight(queues, 20, (queue) =>
    enqueuer.enqueue(
      Array.from({ length: queue < blocked ? behind : others }, (_, n) => ({
        queue: `channel.c${queue}`,
        instruction: 'add_product',
        data: { sku: `SKU-${queue}-${n}`, title: `Shirt ${queue}-${n}` },
        title: `Shirt ${queue}-${n}`,
        entity: { kind: 'sku', key: `SKU-${queue}-${n}` },
        barrier: 'add',
        channel: `c${queue}`,
        source: null,
        client: `client-${queue % 100}`,
        idempotencyKey: null,
      })),
    ),
  );
  await new Promise((resolve, reject) => {
    const fleet = new Fleet({
      config,
      keys,
      catalogue: loadCatalogue(),
      log: { debug() {}, info() {}, warn() {}, error: console.error },
      giveUp: reject,
      open: (kind, name) => connectRedis(url, { name, kind }),
      close: (one) => closeRedis(one, 1_000),
      connect: async () => ({
        deliver: async ({ channel, data }) => {
          const n = Number(channel.slice(1));
          if (n >= blocked) return { kind: 'done' };
          const said = `the price must not be negative: ${data.sku}, see ${letters(n % ways)}`;
          return { kind: 'fail', failure: { message: said, cause: 'data', status: 422 } };
        },
      }),
    });
    const look = setInterval(async () => {
      const [failed, active] = await Promise.all([
        redis.zcard(keys.ours(keys.shards[0], 'failed')),
        redis.zcard(keys.ours(keys.shards[0], 'readyBlocking')),
      ]);
      if (failed < blocked || active > 0) return;
      clearInterval(look);
      await fleet.stop();
      resolve();
    }, 1_000);
    void fleet.start();
  });
  const cookie = await login(redis, keys);
  await closeRedis(redis, 1_000);
  return cookie;
}

/** Without figures: those do not tell errors apart. */
const letters = (n) => [...String(n)].map((digit) => 'abcdefghij'[digit]).join('');

async function login(redis, keys) {
  const from = (path) => import(`../dist/${path}.js`);
  const [{ Accounts }, { Users }, { Sessions }, { LockOut }, { Audit }] = await Promise.all(
    [
      'accounts/accounts',
      'accounts/users',
      'accounts/sessions',
      'accounts/lock-out',
      'queues/audit',
    ].map(from),
  );
  const accounts = new Accounts({
    users: new Users(redis, keys),
    sessions: new Sessions(redis, keys, { idleMs: 1_800_000, absoluteMs: 43_200_000 }),
    lockOut: new LockOut(redis, keys),
    audit: new Audit(redis, keys),
  });
  const user = { name: 'bench', fullName: '', role: 'admin', clients: null };
  await accounts.add('bench', { ...user, password: 'correct horse battery' });
  return `andon-session=${await accounts.open('bench', { address: '127.0.0.1', agent: 'bench' })}`;
}

/**
 * Milliseconds of whole exchanges: the middle one, and the one that 95 of 100 beat. And what one costs the server and
 * Redis in processor time, which other programs on the machine change less.
 */
async function clock({ url, used }, path, headers = {}) {
  const rounds = /api\/queues/.test(path) ? 13 : ROUNDS;
  const ask = async () => {
    const answer = await fetch(url + path, { headers });
    const text = await answer.text();
    if (answer.status === 200) return text.length;
    throw new Error(`${path}: ${answer.status} ${text.replace(/<[^>]+>/g, ' ').slice(-400)}`);
  };
  for (let n = 0; n < 3; n += 1) await ask();
  const before = await used();
  const times = [];
  let bytes = 0;
  for (let n = 0; n < rounds; n += 1) {
    const start = performance.now();
    bytes = await ask();
    times.push(performance.now() - start);
  }
  const after = await used();
  times.sort((a, b) => a - b);
  return {
    'ms p50': round(times[Math.floor(times.length / 2)]),
    'ms p95': round(times[Math.floor(times.length * 0.95)]),
    'CPU ms, server': round((after.server - before.server) / rounds),
    'CPU ms, Redis': round((after.redis - before.redis) / rounds),
    kB: Math.round(bytes / 1024),
  };
}

const round = (value) => Math.round(value * 10) / 10;

/** Processor time of Redis so far, in milliseconds. */
async function redisUsed(url) {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url);
  const info = await redis.info('cpu');
  redis.disconnect();
  const of = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return (of('used_cpu_user') + of('used_cpu_sys')) * 1_000;
}

/** When the browser shows something, from the start of the navigation. */
async function firstPaint(executablePath, url, cookie) {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  });
  const times = [];
  for (let n = 0; n < 5; n += 1) {
    const context = await browser.newContext();
    const [name, value] = cookie.split('=');
    await context.addCookies([{ name, value, url }]);
    const page = await context.newPage();
    await page.goto(url);
    times.push(
      await page.evaluate(
        () =>
          new Promise((resolve) => {
            new PerformanceObserver((list) => {
              const paint = list.getEntriesByName('first-contentful-paint')[0];
              if (paint) resolve(paint.startTime);
            }).observe({ type: 'paint', buffered: true });
          }),
      ),
    );
    await context.close();
  }
  await browser.close();
  times.sort((a, b) => a - b);
  return { 'ms p50': round(times[2]), 'ms p95': round(times[4]) };
}

async function main() {
  const { values } = parseArgs({
    options: {
      queues: { type: 'string', default: '5000' },
      blocked: { type: 'string', default: '200' },
      items: { type: 'string', default: '100000' },
      failures: { type: 'string', default: '5000' },
      chromium: { type: 'string' },
    },
  });
  const size = {
    queues: Number(values.queues),
    blocked: Number(values.blocked),
    items: Number(values.items),
  };
  const dataDir = await mkdtemp(join(tmpdir(), 'andon-desk-'));
  const redis = new EmbeddedRedis({ dataDir, log: silent });
  const children = [];
  const start = async (what, ...args) => {
    const child = fork(fileURLToPath(import.meta.url), ['serve', what, redis.url, ...args]);
    children.push(child);
    const ended = new Promise((_, reject) => {
      child.once('exit', () => reject(new Error(`${what} ended`)));
    });
    ended.catch(() => {});
    const told = () =>
      Promise.race([ended, new Promise((resolve) => child.once('message', resolve))]);
    const url = await told();
    const used = async () => {
      const answer = told();
      child.send('cpu');
      const { user, system } = await answer;
      return { server: (user + system) / 1_000, redis: await redisUsed(redis.url) };
    };
    return { url, used };
  };
  try {
    await redis.start();
    // The first start marks the layout of the data: it comes before what fills them.
    const andon = await start('andon', 'desk');
    const cookie = await fill(redis.url, 'desk', size);
    const headers = { cookie, accept: 'text/html' };
    const rows = {};
    for (const [title, path] of [
      ['Needs attention', '/'],
      ['Needs attention, filtered', '/?client=client-3&text=shirt'],
      ['Queues', '/queues'],
      ['Queues, only blocked', '/queues?state=blocked'],
      ['Queues, by name', '/queues?text=Shop+4999'],
      ['A blocked queue', '/queues/channel.c7'],
      ['Search: SKU', '/search?q=sku-7-3'],
      ['Search: how a SKU begins', '/search?q=SKU-1'],
      ['Search: error text', '/search?q=NEGATIVE'],
      ['Search: instruction', '/search?q=add_product'],
      ['Search: channel by name', '/search?q=Shop+4711'],
      ['Search: nothing', '/search?q=there-is-no-such-thing'],
      ['Entity', `/entities/sku/SKU-${size.queues - 1}-3`],
    ]) {
      rows[title] = await clock(andon, path, headers);
    }
    if (values.chromium)
      rows['First paint'] = await firstPaint(values.chromium, `${andon.url}/`, cookie);
    const failures = Number(values.failures);
    const all = { queues: failures, blocked: failures, items: failures * 4, ways: 200 };
    const second = await start('andon', 'failed');
    const failed = { cookie: await fill(redis.url, 'failed', all), accept: 'text/html' };
    rows['Clusters of all failures'] = await clock(second, '/clusters', failed);
    const poll = '/api/queues?page=1&jobsPerPage=10';
    rows['Bull Board poll: ours'] = await clock(andon, `/board${poll}`, { cookie });
    const stock = await start('stock', values.queues);
    rows['Bull Board poll: stock'] = await clock(stock, poll);
    rows['Bull Board poll: ours, again'] = await clock(andon, `/board${poll}`, { cookie });
    console.log(size, 'load', loadavg()[0].toFixed(1));
    console.table(rows);
  } finally {
    for (const child of children) {
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    }
    await redis.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const [role, ...args] = process.argv.slice(2);
if (role === 'serve') await serve(args[0], args[1], args[2]);
else await main();
