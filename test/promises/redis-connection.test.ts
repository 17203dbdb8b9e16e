import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import {
  type ConnectionKind,
  closeRedis,
  connectRedis,
  untilReady,
} from '../../src/redis/connect.js';
import { checkRedis } from '../../src/redis/preflight.js';
import { parseSentinelUrl } from '../../src/redis/sentinel-url.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const { url } = await startTestRedis();
const { port, password } = new URL(url);

/** Between client and Redis: can fall silent, or hang up, as networks do. */
async function network() {
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => silent || to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    url: `redis://:${password}@127.0.0.1:${address.port}`,
    fallSilent: () => {
      silent = true;
    },
    hangUp,
    end: () => {
      hangUp();
      server.close();
    },
  };
}

async function connected(to: string, kind: ConnectionKind) {
  const redis = connectRedis(to, { name: 'test', kind });
  await untilReady(redis, 5_000);
  return redis;
}

describe('a connection', () => {
  test.each(['api', 'fleet', 'blocking'] as const)(
    'of kind %s rejects at once what was under way when it broke, sends it never again, and comes back',
    async (kind) => {
      const line = await network();
      const redis = await connected(line.url, kind);
      const counter = `count:${kind}`;
      await redis.incr(counter);
      const pop = redis.blpop('empty', 5);
      pop.catch(() => {});
      line.hangUp();
      await expect(pop).rejects.toThrow();
      await expect(redis.incr(counter)).rejects.toThrow();
      expect(await until('the connection', () => redis.get(counter))).toBe('1');
      await closeRedis(redis, 1_000);
      line.end();
    },
  );

  test('of kind api answers within 1.5 s when the network swallows everything', async () => {
    const line = await network();
    const redis = await connected(line.url, 'api');
    line.fallSilent();
    const began = performance.now();
    await expect(redis.ping()).rejects.toThrow();
    expect(performance.now() - began).toBeLessThan(1_700);
    await closeRedis(redis, 100);
    line.end();
  });

  test('closes within its deadline, whatever state it is in', async () => {
    const line = await network();
    const silent = await connected(line.url, 'fleet');
    const waiting = await connected(url, 'blocking');
    const nowhere = connectRedis('redis://127.0.0.1:1', { name: 'nowhere', kind: 'fleet' });
    const popping = expect(waiting.blpop('empty', 5)).rejects.toThrow();
    line.fallSilent();
    const began = performance.now();
    await Promise.all([silent, waiting, nowhere].map((redis) => closeRedis(redis, 200)));
    expect(performance.now() - began).toBeLessThan(1_500);
    await popping;
    await closeRedis(silent, 200);
    line.end();
  });

  test('speaks once of an outage, and once of its end', async () => {
    const line = await network();
    const said: string[] = [];
    const note = (_: object, message: string) => said.push(message);
    const log = { debug: note, info: note, warn: note, error: note };
    const lonely = connectRedis('redis://127.0.0.1:1', { name: 'lonely', kind: 'fleet', log });
    await expect(untilReady(lonely, 400)).rejects.toThrow(
      /not reached within 400 ms: .*ECONNREFUSED/,
    );
    expect(said).toEqual(['Redis cannot be reached; trying again']);
    await closeRedis(lonely, 0);
    line.end();
  });
});

describe('the check before the start', () => {
  test('finds nothing wrong with the private Redis', async () => {
    const redis = await connected(url, 'api');
    expect(await checkRedis(redis, { allowVolatile: false })).toEqual({
      problems: [],
      warnings: [],
    });
    await closeRedis(redis, 500);
  });

  test('refuses a Redis that may forget, unless it is for experiments', async () => {
    const redis = await connected(url, 'api');
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await redis.config('SET', 'appendonly', 'no');
    const strict = await checkRedis(redis, { allowVolatile: false });
    expect(strict.problems).toEqual([
      expect.stringMatching(/maxmemory-policy is allkeys-lru/),
      expect.stringMatching(/appendonly/),
    ]);
    expect(await checkRedis(redis, { allowVolatile: true })).toEqual({
      problems: [],
      warnings: strict.problems,
    });
    // Snapshots alone would lose what was accepted since the last one.
    await redis.config('SET', 'save', '3600 1', 'maxmemory-policy', 'noeviction');
    expect((await checkRedis(redis, { allowVolatile: false })).problems).toHaveLength(1);
    await redis.config('SET', 'save', '', 'appendonly', 'yes');
    expect((await checkRedis(redis, { allowVolatile: false })).problems).toEqual([]);
    await closeRedis(redis, 500);
  });

  test('needs nothing but INFO, as CONFIG is forbidden in many hosted services', async () => {
    const admin = await connected(url, 'api');
    await admin.acl('SETUSER', 'guest', 'on', '>guest', '~*', '+@all', '-config');
    const guest = await connected(url.replace(`:${password}@`, 'guest:guest@'), 'api');
    const nothingWrong = { problems: [], warnings: [] };
    expect(await checkRedis(guest, { allowVolatile: false })).toEqual(nothingWrong);
    await Promise.all([closeRedis(guest, 500), closeRedis(admin, 500)]);
  });
});

describe('a Sentinel URL', () => {
  test('names the sentinels, the master, the password and the database', () => {
    const text = 'redis+sentinel://:p%40ss@one:26380,two,[::1]:26381/mymaster/2?sentinelPassword=x';
    expect(parseSentinelUrl(text)).toMatchObject({
      sentinels: [
        { host: 'one', port: 26380 },
        { host: 'two', port: 26379 },
        { host: '::1', port: 26381 },
      ],
      name: 'mymaster',
      password: 'p@ss',
      sentinelPassword: 'x',
      db: 2,
    });
  });

  test('without a master is refused with the right form', () => {
    expect(() => parseSentinelUrl('redis+sentinel://one:26379')).toThrow(/must look like/);
  });
});
