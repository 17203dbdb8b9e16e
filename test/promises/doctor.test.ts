import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Finding } from '../../src/programs/doctor/finding.js';
import { node } from '../../src/programs/doctor/settings.js';
import { processes } from '../../src/programs/doctor/work.js';
import { examine } from '../../src/programs/doctor.js';
import { writeLayout } from '../../src/redis/layout.js';
import { otherTime } from '../../src/redis/preflight.js';
import { makeKey } from '../../src/secrets/vault.js';
import { Api, SECRET_KEY } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { Line } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { TestSmtp } from '../support/smtp.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
/** For what must not happen to the others. */
const own = await startTestRedis();
const directory = await temporaryDirectory();
const config = join(directory, 'andon.yaml');
await writeFile(config, 'mail: { from: "Andon <andon@shop.example>" }\n');

/** What a process is given, and the doctor with it. */
const environmentOf = (prefix: string, more: Record<string, string> = {}) => ({
  REDIS_URL: redis.url,
  ANDON_PREFIX: prefix,
  ANDON_CONFIG: config,
  ANDON_SECRET_KEY: SECRET_KEY,
  ANDON_PUBLIC_URL: 'https://andon.example.com',
  ...more,
});

const about = (findings: readonly Finding[], what: string) =>
  findings.find((one) => one.about === what);
test('where all is well it says so, line by line, and changes nothing', async () => {
  const smtp = await TestSmtp.start({ login: 'ann:secret' });
  const api = await Api.start(redis, { roles: ['api', 'worker', 'alerts'] });
  await api.put('channel', '12');
  const still = async () => {
    const { [api.keys.registry.probe]: _, ...rest } = await api.dump();
    return rest;
  };
  const before = await until('every process to have signed', async () => {
    const dump = await still();
    return dump[api.keys.registry.processes] ? dump : null;
  });
  const environment = environmentOf(api.prefix, {
    ANDON_SMTP_URL: smtp.url.replace('//', '//ann:secret@'),
  });
  const findings = await examine(environment);
  expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  expect(findings.map((one) => one.about)).toEqual(
    expect.arrayContaining([
      'settings',
      'secret key',
      'public URL',
      'mail server',
      'Redis',
      'Redis version and role',
      'Redis keeps what it is given',
      'replicas',
      'Redis memory',
      'clocks',
      'data',
      'shards',
      'secrets',
      'worker',
      'api',
      'alerts',
      'queues',
      'oldest item',
    ]),
  );
  expect(about(findings, 'secrets')?.says).toBe('all 1 open');
  expect(about(findings, 'mail server')?.says).toContain('takes the login');
  expect(JSON.stringify(findings)).not.toContain('secret@');
  expect(await still()).toEqual(before);
  await api.stop();
});

test('what is wrong is named, with what to do', async () => {
  const shop = await FarSide.start();
  shop.answer = () => ({ status: 422 });
  const api = await Api.start(redis, { roles: ['api', 'worker'] });
  await api.put('channel', '12', shop.url);
  const [id] = await api.add('12', 'bad', 'behind');
  await api.untilState(id, 'failed');
  const findings = await examine(
    environmentOf(api.prefix, {
      ANDON_SECRET_KEY: makeKey(),
      ANDON_SMTP_URL: 'smtp://ann:canary-password@127.0.0.1:1',
      ANDON_PUBLIC_URL: 'http://andon.example.com',
    }),
  );
  expect(about(findings, 'queues')).toMatchObject({
    verdict: 'warn',
    says: expect.stringContaining(`channel.12 (by item ${id})`),
    todo: expect.stringContaining('retry, skip or resolve'),
  });
  expect(about(findings, 'alerts')).toMatchObject({ verdict: 'warn', says: 'none runs' });
  expect(about(findings, 'mail server')).toMatchObject({ verdict: 'fail' });
  expect(about(findings, 'public URL')).toMatchObject({ verdict: 'warn' });
  expect(about(findings, 'secrets')).toMatchObject({
    verdict: 'fail',
    says: 'no key opens those of channel.12',
  });
  expect(JSON.stringify(findings)).not.toContain('canary-password');
  const other = await examine(environmentOf(api.prefix, { ANDON_SHARDS: '4' }));
  expect(about(other, 'shards')).toMatchObject({
    verdict: 'fail',
    todo: 'Set ANDON_SHARDS to 1 everywhere.',
  });
  await api.stop();
  // Whoever stops signs off; whoever dies is missing half a minute later.
  const after = await examine(environmentOf(api.prefix));
  expect(about(after, 'worker')).toMatchObject({
    verdict: 'fail',
    todo: 'Items wait: start andon worker.',
  });
});

test('a replica is told with the name of its master, and as one that takes no writes', async () => {
  const api = await Api.start(own);
  const environment = environmentOf(api.prefix, { REDIS_URL: own.url });
  await api.redis.replicaof('127.0.0.1', 1);
  const findings = await examine(environment);
  await api.redis.replicaof('NO', 'ONE');
  expect(about(findings, 'Redis version and role')).toMatchObject({
    verdict: 'fail',
    says: expect.stringContaining('a replica of 127.0.0.1:1: name that one in REDIS_URL'),
  });
  for (const { says } of findings) expect(says).not.toContain('cannot be reached');
  await api.stop();
});

test('a Redis that forgets, or is nearly full, is told as such', async () => {
  const api = await Api.start(own);
  const used = Number(/^used_memory:(\d+)/m.exec(await api.redis.info('memory'))?.[1]);
  await api.redis.config('SET', 'maxmemory', String(used));
  const environment = environmentOf(api.prefix, { REDIS_URL: own.url });
  const full = await examine(environment);
  expect(about(full, 'Redis memory')).toMatchObject({ verdict: 'fail' });
  expect(about(full, 'Redis')?.says).toMatch(/^takes no writes: OOM/);
  expect(about(full, 'oldest item')).toBeDefined();
  await api.redis.config('SET', 'maxmemory', '0');
  await api.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await api.redis.config('SET', 'appendonly', 'no');
  const findings = await examine(environment);
  const forgets = findings.filter((one) => one.about === 'Redis keeps what it is given');
  expect(forgets.map(({ verdict }) => verdict)).toEqual(['fail', 'fail']);
  await api.stop();
});

test('replicas that are wanted and missing are told', async () => {
  const environment = environmentOf(redis.freshPrefix(), {
    ANDON_DURABILITY: 'replicated',
    ANDON_REPLICAS: '2',
  });
  const replicas = about(await examine(environment), 'replicas');
  expect(replicas?.verdict).toBe('fail');
  expect(replicas?.says).toContain('0 of 2 replicas');
});

describe('clocks', () => {
  test('that differ are told with the way and the remedy, small differences are not', () => {
    expect(otherTime(4_000)).toEqual([]);
    expect(otherTime(90_000)).toEqual([expect.stringMatching(/90 s ahead of that of Redis.*NTP/)]);
    expect(otherTime(-90_000)).toEqual([expect.stringMatching(/90 s behind that of Redis/)]);
  });
});

test('processes of several versions are told, and where each role runs', () => {
  const card = (version: string, ...roles: string[]) => ({
    id: version,
    roles,
    version,
    host: 'box',
    pid: 7,
    since: '2026-11-21T00:00:00Z',
  });
  const found = processes([card('1.0.0', 'api', 'alerts'), card('1.1.0', 'worker')]);
  expect(about(found, 'worker')?.says).toBe('1 runs: box (process 7)');
  expect(about(found, 'versions')?.says).toBe('several run: 1.0.0, 1.1.0');
});

test('data of another layout, and a fleet that is paused, are told', async () => {
  const api = await Api.start(redis, { roles: ['api', 'worker'] });
  await api.ok('POST', '/v1/fleet/pause', { reason: 'a new disk' });
  expect(about(await examine(environmentOf(api.prefix)), 'fleet')).toMatchObject({
    verdict: 'warn',
    says: expect.stringMatching(/paused by key boot since .*: a new disk/),
  });
  await api.stop();
  const line = await new Line(redis).ready('12');
  await writeLayout(line.redis, line.keys, '77');
  const data = about(await examine(environmentOf(line.prefix)), 'data');
  expect(data).toMatchObject({ verdict: 'fail', says: expect.stringContaining('layout 77') });
});

test('a Node.js without security fixes is told', () => {
  expect(node('20.19.5').verdict).toBe('warn');
  expect(node('24.1.0').verdict).toBe('ok');
});

describe('andon doctor', () => {
  const run = (env: Record<string, string>, ...args: string[]) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      execFile(
        process.execPath,
        ['dist/cli.js', 'doctor', ...args],
        { env: { PATH: process.env['PATH'] ?? '', ...env } },
        (error, out) => resolve({ code: Number(error?.code ?? 0), out }),
      );
    });

  test('exits 1 when something has failed, 0 on mere warnings, and speaks JSON', async () => {
    const away = { ...environmentOf('x'), REDIS_URL: 'redis://127.0.0.1:1' };
    const failed = await run(away);
    expect(failed).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^fail {2}Redis .*ECONNREFUSED/m),
    });
    expect(failed.out).toMatch(/→ Is REDIS_URL right/);
    const settings = await run({ ...environmentOf('x'), ANDON_PORT: 'three' }, '--json');
    expect(settings.code).toBe(1);
    expect(JSON.parse(settings.out)).toMatchObject({
      ok: false,
      findings: [
        { about: 'settings', verdict: 'fail', says: expect.stringContaining('ANDON_PORT') },
      ],
    });
    const none = { ANDON_DATA_DIR: join(directory, 'none'), ANDON_CONFIG: config };
    expect((await run(none)).code).toBe(0);
  });
});
