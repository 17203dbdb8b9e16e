import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { pause } from '../../src/lifecycle.js';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { parseSentinelUrl } from '../../src/redis/sentinel-url.js';
import { freePort } from '../support/free-port.js';
import { startTestRedis } from '../support/redis.js';
import { ScriptedSentinel } from '../support/scripted-sentinel.js';
import { until } from '../support/until.js';

const server = await startTestRedis();
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Its connection is lost, and while it asks who is master, the Sentinel tells it of a failover. */
async function toldWhileAsking(open: (url: string) => Redis): Promise<Redis> {
  const sentinel = await new ScriptedSentinel(server.url).start();
  const redis = open(sentinel.url);
  redis.on('error', () => {}); // each way to go wrong is looked at below
  ends.push(
    () => closeRedis(redis, 1_000),
    () => sentinel.stop(),
  );
  await untilReady(redis, 5_000);
  await until('it to listen for failovers', () => sentinel.heardBy === 1);
  const told = new Promise<void>((resolve) => {
    sentinel.onAsked = (answer) => {
      sentinel.onAsked = null;
      void sentinel.tellOfFailover().then(answer).then(resolve);
    };
  });
  redis.stream.destroy();
  await told;
  return redis;
}

describe('traps of Sentinels: told of a failover while asking who is master', () => {
  it('plain ioredis ends for good, although it was never closed', async () => {
    const redis = await toldWhileAsking(
      (url) =>
        new Redis({ ...parseSentinelUrl(url), retryStrategy: () => 10, maxRetriesPerRequest: 0 }),
    );
    await until('it to end', () => redis.status === 'end');
    await expect(redis.ping()).rejects.toThrow('Connection is closed');
  });

  it('ours goes on', async () => {
    const redis = await toldWhileAsking((url) =>
      connectRedis(url, { name: 'test', kind: 'fleet' }),
    );
    await untilReady(redis, 5_000);
    expect(await redis.ping()).toBe('PONG');
  });

  it('ours stays closed when it is closed in just the moment in which it has ended', async () => {
    const again: string[] = [];
    let closed: Promise<void> | undefined;
    const redis = await toldWhileAsking((url) => {
      const opened = connectRedis(url, { name: 'test', kind: 'fleet' });
      return opened.once('end', () => {
        opened.on('connecting', () => again.push('connecting'));
        closed = closeRedis(opened, 1_000);
      });
    });
    await until('it to have ended', () => closed !== undefined);
    await closed;
    await pause(200); // longer than it waits before it connects again
    expect(again).toEqual([]);
    expect(redis.status).toBe('end');
  });
});

/** What a program prints by itself whose connection, named `redis`, knows of a second Sentinel that is away. */
async function printedBeside(open: (url: string) => string): Promise<string> {
  const sentinel = await new ScriptedSentinel(server.url).start();
  ends.push(() => sentinel.stop());
  const away = `,127.0.0.1:${await freePort()}/shop`;
  const end = `redis.on('ready', () => setTimeout(() => redis.disconnect(), 300));`;
  const program = open(sentinel.url.replace('/shop', away)) + end;
  const run = promisify(execFile);
  return (await run('node', ['--input-type=module', '-e', program], { timeout: 20_000 })).stderr;
}

describe('traps of Sentinels: one of them is away', () => {
  it('plain ioredis prints each failed try, beside the log', async () => {
    const open = (url: string) => `
      import { Redis } from 'ioredis';
      const redis = new Redis(${JSON.stringify(parseSentinelUrl(url))});
      redis.on('error', () => {});`;
    expect(await printedBeside(open)).toMatch(/Unhandled error event.*ECONNREFUSED/);
  });

  it('ours prints nothing', async () => {
    const open = (url: string) => `
      import { connectRedis } from './dist/redis/connect.js';
      const redis = connectRedis('${url}', { name: 'test', kind: 'fleet' });`;
    expect(await printedBeside(open)).toBe('');
  });

  it('ours says so in the log, once', async () => {
    const sentinel = await new ScriptedSentinel(server.url).start();
    const said: string[] = [];
    const note = (facts: object, message: string) =>
      void said.push(`${message} ${JSON.stringify(facts)}`);
    const redis = connectRedis(
      sentinel.url.replace('/shop', `,127.0.0.1:${await freePort()}/shop`),
      {
        name: 'test',
        kind: 'fleet',
        log: { debug: note, info: note, warn: note, error: note },
      },
    );
    let tries = 0;
    redis.on('sentinelError', () => tries++);
    ends.push(
      () => closeRedis(redis, 1_000),
      () => sentinel.stop(),
    );
    await until('it to be tried again', () => tries >= 3);
    expect(said).toEqual([expect.stringMatching(/^A Sentinel cannot be reached .*ECONNREFUSED/)]);
  });
});

/** A program whose connection, named `redis`, is told of a failover while it listens to its Sentinel anew. */
async function toldWhileListening(open: (url: string) => string): Promise<string> {
  const sentinel = await new ScriptedSentinel(server.url).start();
  ends.push(() => sentinel.stop());
  const program = `${open(sentinel.url)}
    const listener = () => redis.connector.failoverDetector?.sentinels[0]?.client;
    const turn = setInterval(() => {
      if (listener()?.status !== 'ready') return;
      clearInterval(turn);
      listener().subscribe('+switch-master'); // as ioredis does when that connection was made anew
      const { stream } = listener();
      listener().disconnect();
      stream.destroy(); // before an answer
      setTimeout(() => redis.disconnect(), 100);
    }, 10);`;
  const run = promisify(execFile);
  return run('node', ['--input-type=module', '-e', program], { timeout: 20_000 }).then(
    () => 'went on',
    ({ stderr }: { stderr: string }) => stderr,
  );
}

describe('traps of Sentinels: told of a failover while listening to them anew', () => {
  it('plain ioredis ends the program by a rejection that nobody handles', async () => {
    const open = (url: string) => `
      import { Redis } from 'ioredis';
      const redis = new Redis(${JSON.stringify(parseSentinelUrl(url))});
      redis.on('error', () => {});`;
    expect(await toldWhileListening(open)).toMatch(/Connection is closed/);
  });

  it('ours goes on', async () => {
    const open = (url: string) => `
      import { connectRedis } from './dist/redis/connect.js';
      const redis = connectRedis('${url}', { name: 'test', kind: 'fleet' });`;
    expect(await toldWhileListening(open)).toBe('went on');
  });
});
