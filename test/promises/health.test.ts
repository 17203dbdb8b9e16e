import { execFile } from 'node:child_process';
import { afterAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { NotReady } from '../../src/errors.js';
import { standstill } from '../../src/fleet/standstill.js';
import { Readiness } from '../../src/observability/readiness.js';
import { ask } from '../../src/programs/health.js';
import { type Role, System } from '../../src/system.js';
import { BOOTSTRAP_KEY, SECRET_KEY } from '../support/api.js';
import { Line, silent } from '../support/line.js';
import { Network } from '../support/network.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const running = new Set<System>();
afterAll(() => Promise.all([...running].map((system) => system.stop())));

function systemOf(roles: readonly Role[], url: string, more: Record<string, string> = {}): System {
  const config = loadConfig({
    REDIS_URL: url,
    ANDON_PREFIX: redis.freshPrefix(),
    ANDON_PORT: '0',
    ANDON_HEALTH_PORT: '0',
    ANDON_CONFIG: 'test/support/empty.yaml',
    ANDON_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
    ANDON_SECRET_KEY: SECRET_KEY,
    ...more,
  });
  const system = new System(config, { roles, log: silent, giveUp: () => {} });
  running.add(system);
  return system;
}

const portOf = (url: string | null) => new URL(url ?? '').port;

async function get(url: string | null, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(new URL(path, url ?? ''), { headers: { connection: 'close' } });
  return { status: answer.status, text: await answer.text() };
}

describe.each<[string, Role[]]>([
  ['worker', ['worker']],
  ['alerts', ['alerts']],
  ['api', ['api']],
  ['up', ['api', 'worker', 'alerts']],
])('andon %s', (_, roles) => {
  test('tells at its health port whether it lives and is ready, and its metrics', async () => {
    const system = systemOf(roles, redis.url);
    await system.start();
    const at = system.healthUrl;
    expect(await get(at, '/healthz')).toMatchObject({
      status: 200,
      text: expect.stringContaining('"alive"'),
    });
    expect(await get(at, '/readyz')).toMatchObject({
      status: 200,
      text: expect.stringMatching(/"status":"ready","redisMs":\d/),
    });
    expect((await get(at, '/metrics')).status).toBe(200);
    expect((await get(at, '/v1/items')).status).toBe(404);
    const said = await ask({ ANDON_HEALTH_PORT: portOf(at) }, '/readyz');
    expect(said).toEqual({ well: true, sentence: `Andon at ${at} is ready.` });
    await system.stop();
    expect((await ask({ ANDON_HEALTH_PORT: portOf(at) }, '/healthz')).well).toBe(false);
  });
});

test('without ANDON_HEALTH_PORT nothing listens but the API', async () => {
  const system = systemOf(['worker'], redis.url, { ANDON_HEALTH_PORT: '' });
  await system.start();
  expect(system.healthUrl).toBeNull();
  await system.stop();
});

test('a process whose Redis goes lives on, is not ready, and is ready again by itself', async () => {
  const network = await Network.before(redis.url);
  const system = systemOf(['worker'], network.url);
  await system.start();
  const at = system.healthUrl;
  network.refuse();
  const away = await until('it to be not ready', async () => {
    const answer = await get(at, '/readyz');
    return answer.status === 503 ? answer : null;
  });
  expect(JSON.parse(away.text).why).toMatch(/^Redis takes no writes: /);
  expect((await get(at, '/healthz')).status).toBe(200);
  network.heal();
  await until('it to be ready again', async () => (await get(at, '/readyz')).status === 200);
  await system.stop();
});

test('a process that waits for Redis at its start lives already and is not ready', async () => {
  const network = await Network.before(redis.url);
  network.refuse();
  const system = systemOf(['worker'], network.url);
  const started = system.start();
  const at = await until('the health port', async () => {
    const url = system.healthUrl;
    return (await get(url, '/healthz')).status === 200 ? url : null;
  });
  expect(await get(at, '/readyz')).toMatchObject({
    status: 503,
    text: expect.stringContaining('it is starting'),
  });
  network.heal();
  await started;
  expect((await get(at, '/readyz')).status).toBe(200);
  await system.stop();
});

test('a process that stops is not ready while it still answers', async () => {
  const readiness = new Readiness();
  readiness.open({ write: async () => {}, standstills: [] });
  expect((await readiness.look()).ready).toBe(true);
  readiness.close();
  expect(await readiness.look()).toMatchObject({ ready: false, why: 'it is stopping' });
  await expect(readiness.demand()).rejects.toThrow(NotReady);
});

test('asked a hundred times at once, it asks Redis once', async () => {
  const readiness = new Readiness();
  let writes = 0;
  const write = async () => {
    writes += 1;
    await new Promise((resolve) => setImmediate(resolve));
  };
  readiness.open({ write, standstills: [] });
  await Promise.all(Array.from({ length: 100 }, () => readiness.look()));
  expect(writes).toBe(1);
});

describe('a worker stands still', () => {
  const loop = (silenceMs: number) => ({ name: 'tender', silenceMs });
  const crew = (free: number) => ({ kind: 'blocking' as const, slots: 100, free });

  test('when a loop is silent, or queues are ready for long and its free slots take none', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a');
    const look = (silenceMs: number, free: number) =>
      standstill({ loops: [loop(silenceMs)], crews: [crew(free)] }, line.redis, line.keys, 30_000);
    expect(await look(0, 100)).toBeNull();
    expect(await look(31_000, 100)).toBe('tender has been silent for 31 s');
    const since = Date.now() - 45_000;
    await line.redis.zadd(
      line.keys.ours(line.keys.shards[0]!, 'readyBlocking'),
      since,
      'channel.12',
    );
    expect(await look(0, 100)).toMatch(
      /^queues have been ready for 4[45] s, and the blocking crew/,
    );
    // With every slot at work it gets on.
    expect(await look(0, 0)).toBeNull();
  });

  test('and is then not ready', async () => {
    const readiness = new Readiness();
    readiness.open({ write: async () => {}, standstills: [() => null, () => 'the crew sleeps'] });
    expect(await readiness.look()).toMatchObject({ ready: false, why: 'the crew sleeps' });
  });
});

describe('andon health', () => {
  const run = (env: Record<string, string>, ...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      execFile(
        process.execPath,
        ['dist/cli.js', 'health', ...args],
        { env: { PATH: process.env['PATH'] ?? '', ...env } },
        (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
      );
    });

  test('exits 0 with a sentence where a process is well, and 1 where none answers', async () => {
    const system = systemOf(['worker'], redis.url);
    await system.start();
    const env = { ANDON_HEALTH_PORT: portOf(system.healthUrl) };
    expect(await run(env)).toMatchObject({ code: 0, out: expect.stringMatching(/ is alive\.\n$/) });
    expect(await run(env, '--ready')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ is ready\.\n$/),
    });
    await system.stop();
    expect(await run(env)).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not answer'),
    });
  });

  test('asks the API where there is no health port, and knows that one listens at all addresses', async () => {
    const system = systemOf(['api'], redis.url, { ANDON_HEALTH_PORT: '' });
    await system.start();
    const env = { ANDON_PORT: portOf(system.url), ANDON_HOST: '0.0.0.0' };
    expect((await ask(env, '/readyz')).well).toBe(true);
    await system.stop();
    expect(await ask({ ANDON_HEALTH_PORT: 'x' }, '/healthz')).toEqual({
      well: false,
      sentence: 'ANDON_HEALTH_PORT or ANDON_PORT is not a port.',
    });
  });
});

test('asking whether a process is ready costs Redis one look, however many ask at once at whichever door', async () => {
  const readiness = new Readiness();
  let writes = 0;
  let answer = () => {};
  const gate = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const write = () => {
    writes += 1;
    return gate;
  };
  readiness.open({ write, standstills: [() => 'the crew sleeps'] });
  const asked = Array.from({ length: 300 }, (_, n) =>
    n % 2 ? readiness.look() : readiness.demand(),
  );
  answer();
  for (const [n, one] of (await Promise.allSettled(asked)).entries())
    expect(one).toMatchObject(
      n % 2 ? { value: { ready: false } } : { reason: expect.any(NotReady) },
    );
  expect(writes).toBe(1);
});
