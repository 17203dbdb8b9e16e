import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { EmbeddedRedis } from '../../src/redis/embedded.js';
import { bornAt } from '../../src/redis/process.js';
import type { RedisRecord } from '../../src/redis/record.js';
import { until } from '../support/until.js';

let dataDir: string;
let cleanUp: (() => Promise<void>)[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'andon-test-'));
  cleanUp = [];
});

afterEach(async () => {
  for (const step of cleanUp.reverse()) await step();
  await rm(dataDir, { recursive: true, force: true });
});

function embedded(): EmbeddedRedis {
  const redis = new EmbeddedRedis({ dataDir });
  cleanUp.push(() => redis.stop());
  return redis;
}

async function started(): Promise<EmbeddedRedis> {
  const redis = embedded();
  await redis.start();
  return redis;
}

async function client(redis: EmbeddedRedis): Promise<Redis> {
  const connection = connectRedis(redis.url, { name: 'test', kind: 'fleet' });
  cleanUp.push(() => closeRedis(connection, 1_000));
  await untilReady(connection, 5_000);
  return connection;
}

async function record(): Promise<RedisRecord> {
  return JSON.parse(await readFile(join(dataDir, 'redis.json'), 'utf8')) as RedisRecord;
}

/** Another Andon on the same data directory, as the built program has it. */
async function otherProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', otherProgram, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  cleanUp.push(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  await once(createInterface(child.stdout), 'line');
  return child;
}

const otherProgram = `
  import { EmbeddedRedis } from '${new URL('../../dist/redis/embedded.js', import.meta.url).href}';
  const redis = new EmbeddedRedis({ dataDir: process.argv[1] });
  process.once('SIGTERM', () => redis.stop());
  await redis.start();
  console.log('started');
`;

/** Where processes can be looked at from outside. */
const testOnLinux = process.platform === 'linux' ? test : test.skip;

describe('the private Redis', () => {
  test('keeps what it is given, evicts nothing, and wants its password', async () => {
    const redis = await client(await started());
    const info = await redis.info();
    expect(info).toMatch(/aof_enabled:1/);
    expect(info).toMatch(/maxmemory_policy:noeviction/);

    const { port } = await record();
    const stranger = connectRedis(`redis://127.0.0.1:${port}`, { name: 'stranger', kind: 'api' });
    await expect(untilReady(stranger, 500)).rejects.toThrow(/NOAUTH/);
    await closeRedis(stranger, 0);
  });

  testOnLinux('shows its password to nobody else on the machine', async () => {
    await started();
    const { pid, password } = await record();
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(password);
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain(password);
    expect((await stat(join(dataDir, 'redis.json'))).mode & 0o077).toBe(0);
  });

  test('leaves nothing but its data when it is stopped, and finds that again', async () => {
    const first = await started();
    await (await client(first)).set('kept', 'yes');
    const { pid } = await record();
    await first.stop();
    await first.stop();
    expect(bornAt(pid)).toBeNull();
    await expect(access(join(dataDir, 'redis.json'))).rejects.toThrow(/ENOENT/);

    expect(await (await client(await started())).get('kept')).toBe('yes');
  });

  test('may be stopped before it was started, and while it starts', async () => {
    await embedded().stop();
    const hurried = embedded();
    const starting = hurried.start().catch(() => {});
    await hurried.stop();
    await starting;
    await expect(access(join(dataDir, 'redis.json'))).rejects.toThrow(/ENOENT/);
  });

  test('comes back by itself after kill -9, at the same address, with everything it had', async () => {
    const redis = await started();
    const connection = await client(redis);
    const { url } = redis;
    for (let times = 0; times < 3; times++) {
      const { pid } = await record();
      await connection.set(`kept-${times}`, 'yes');
      process.kill(pid, 'SIGKILL');
      await until('Redis to run again', async () => (await record()).pid !== pid);
      const kept = await until('its data', () => connection.get(`kept-${times}`));
      expect(kept).toBe('yes');
    }
    expect(redis.url).toBe(url);
  });

  test('is one for all who start on the same directory, also at the same time', async () => {
    const all = await Promise.all([started(), started(), started(), otherProcess()]);
    const urls = all.map((one) => (one instanceof EmbeddedRedis ? one.url : null)).filter(Boolean);
    expect(new Set(urls).size).toBe(1);
  });

  testOnLinux(
    'is not in the way of Ctrl-C: it does not belong to the process group of the terminal',
    async () => {
      await started();
      const { pid } = await record();
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ');
      expect(fields?.[2]).toBe(String(pid));
    },
  );

  test('says in one sentence how to get a Redis server when there is none', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = dataDir;
    try {
      await expect(embedded().start()).rejects.toThrow(/^No redis-server .* apt-get install/);
    } finally {
      process.env['PATH'] = path;
    }
  });
});

describe('a process that finds a private Redis running', () => {
  test('joins it, and leaves it running when it stops', async () => {
    const other = await otherProcess();
    const joiner = await started();
    const { pid, owner } = await record();
    expect(owner).toBe(other.pid);
    await joiner.stop();
    expect(bornAt(pid)).not.toBeNull();

    other.kill('SIGTERM');
    await once(other, 'exit');
    expect(bornAt(pid)).toBeNull();
  });

  test('adopts it when its owner was killed, and stops it at its own end', async () => {
    const other = await otherProcess();
    await killed(other);
    const { pid } = await record();
    const heir = await started();
    expect(await record()).toMatchObject({ pid, owner: process.pid });
    await heir.stop();
    expect(bornAt(pid)).toBeNull();
  });

  test('takes over when the owner is killed later, and then keeps it running', async () => {
    const other = await otherProcess();
    const heir = await started();
    const connection = await client(heir);
    await connection.set('kept', 'yes');
    await killed(other);
    await until('the take-over', async () => (await record()).owner === process.pid);

    const { pid } = await record();
    process.kill(pid, 'SIGKILL');
    await until('Redis to run again', async () => (await record()).pid !== pid);
    expect(await until('its data', () => connection.get('kept'))).toBe('yes');
  });

  test('starts it again where it was when its owner ended in good order, with all it had', async () => {
    const other = await otherProcess();
    const [joiner, second] = [await started(), await started()];
    const connection = await client(joiner);
    await connection.set('kept', 'yes');
    const { url } = joiner;
    other.kill('SIGTERM');
    await once(other, 'exit');
    expect(await until('its data', () => connection.get('kept').catch(() => null))).toBe('yes');
    expect([joiner.url, second.url]).toEqual([url, url]);
    const { pid, owner } = await record();
    expect(owner).toBe(process.pid);
    await joiner.stop();
    await second.stop();
    expect(bornAt(pid)).toBeNull();
    await expect(access(join(dataDir, 'redis.json'))).rejects.toThrow(/ENOENT/);
  });

  test('starts a new one when owner and Redis are both gone', async () => {
    const other = await otherProcess();
    const { pid } = await record();
    await killed(other);
    process.kill(pid, 'SIGKILL');
    await until('Redis to be gone', () => bornAt(pid) === null);
    const redis = await started();
    expect((await record()).owner).toBe(process.pid);
    expect(await (await client(redis)).ping()).toBe('PONG');
  });
});

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}
