import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { pause } from '../../src/lifecycle.js';
import { Line, tryAgain } from '../support/line.js';
import { endShapes, startStandalone } from '../support/redis-shapes.js';
import { endure, type Trouble } from '../support/trouble.js';
import { until } from '../support/until.js';
import { Witness } from '../support/witness.js';

afterAll(endShapes);
const witness = await new Witness().start();
/** Shorter than any user may set it. Milliseconds. */
const WATCHED_MS = 3_000;

const set = (admin: Redis, ...settings: string[]) => admin.call('CONFIG', 'SET', ...settings);
const cutAll = (admin: Redis) => admin.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES');
const bgsaved = (admin: Redis, how: 'ok' | 'err') =>
  until(`a snapshot (${how})`, async () => {
    await admin.bgsave().catch(() => {});
    return (await admin.info('persistence')).includes(`rdb_last_bgsave_status:${how}`);
  });

const troubles: Record<string, Trouble> = {
  'cannot write snapshots to its disk (MISCONF)': {
    begin: async ({ directory }, admin) => {
      // Where the snapshot should go there is a directory.
      await rm(join(directory, 'dump.rdb'), { force: true });
      await mkdir(join(directory, 'dump.rdb'));
      await set(admin, 'save', '3600 1');
      await bgsaved(admin, 'err');
    },
    end: async ({ directory }, admin) => {
      await rm(join(directory, 'dump.rdb'), { recursive: true });
      await bgsaved(admin, 'ok');
      await set(admin, 'save', '');
    },
    told: /cannot write to its disk/,
  },
  'got another password, and every connection was cut (NOAUTH, WRONGPASS)': {
    begin: async (_, admin) => {
      await set(admin, 'requirepass', 'another');
      await cutAll(admin);
    },
    end: (_, admin) => set(admin, 'requirepass', 'shapes'),
    told: /cannot be reached/,
  },
  'runs a script of somebody else that does not end (BUSY)': {
    conf: ['busy-reply-threshold 100'],
    begin: async (redis) => {
      const other = redis.connect();
      other.eval('while true do end', 0).catch(() => other.disconnect());
    },
    end: (_, admin) => until('the script to end', () => admin.call('SCRIPT', 'KILL')),
    told: /script of somebody else/,
  },
  'takes no more connections (maxclients)': {
    begin: async (_, admin) => {
      await set(admin, 'maxclients', '1');
      await cutAll(admin);
    },
    end: (_, admin) => set(admin, 'maxclients', '1000'),
    told: /cannot be reached/,
  },
  'reads its data for a while after a crash (LOADING)': {
    conf: ['loading-process-events-interval-bytes 1024'],
    begin: async (redis) => {
      const other = redis.connect();
      const fill = other.pipeline();
      for (let n = 0; n < 20_000; n += 1) fill.set(`ballast:${n}`, 'x'.repeat(50));
      await fill.exec();
      other.disconnect();
      await redis.kill();
      redis.launch('--key-load-delay', '150'); // microseconds a key
    },
    end: (redis) => until('it to be through', () => redis.call('PING'), 30_000),
    told: /cannot be reached/, // a connection that finds it loading is none yet,
  },
  'is a replica for a while (READONLY)': {
    begin: (_, admin) => admin.replicaof('127.0.0.1', 1),
    end: (_, admin) => admin.replicaof('NO', 'ONE'),
    told: /has become a replica/,
  },
  'is full (OOM)': {
    begin: (_, admin) => set(admin, 'maxmemory', '1mb'),
    end: (_, admin) => set(admin, 'maxmemory', '0'),
    told: /Redis is full/,
  },
};

describe('while Redis', () => {
  it.each(Object.entries(troubles))(
    '%s: 503 that says what to do, nothing lost, in order, on by itself, and a stop in time',
    async (name, trouble) => {
      const took = await endure(trouble, 1_000, witness);
      console.info(`${name}: ${JSON.stringify(took)}`);
      expect(took.refused).toBeGreaterThan(0);
    },
    60_000,
  );

  it('takes no writes, the watchdog waits although it answers; a worker that ended could not start', async () => {
    const redis = await startStandalone();
    const admin = redis.connect();
    const line = await new Line(
      { url: redis.url, dataDir: '', freshPrefix: () => 'watched' },
      {
        fleet: { watchdogMs: WATCHED_MS },
      },
    ).ready();
    await line.put('channel', '12', { attempts: 1_000, firstDelayMs: 20, maxDelayMs: 20 });
    line.script = () => tryAgain; // each time its hold is over, the tender has to write
    await line.startFleet();
    await line.add('12', 'a');
    await line.untilStarted(2);
    await admin.replicaof('127.0.0.1', 1);
    await pause(3 * WATCHED_MS);
    await admin.replicaof('NO', 'ONE');
    const before = line.started.length;
    await until('it to go on', () => line.started.length > before);
    expect(line.gaveUp).toEqual([]);
    await line.close();
    admin.disconnect();
  }, 30_000);
});
