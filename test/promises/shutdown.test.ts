import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { loadConfig } from '../../src/config/load.js';
import { within } from '../../src/lifecycle.js';
import { System } from '../../src/system.js';
import { Line, silent } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';
import { Witness } from '../support/witness.js';
import { startWorker } from '../support/workers.js';

const redis = await startTestRedis();
const witness = await new Witness().start();
const directory = await temporaryDirectory();

/** A line with one channel at the witness, and workers whose stop waits for half a second. */
async function lineTo(id: string): Promise<Line> {
  witness.sightings.length = 0;
  const line = await new Line(redis).ready();
  const retry = { firstDelayMs: 20, maxDelayMs: 20 };
  await line.put('channel', id, retry, { type: 'http', url: witness.url, timeoutMs: 30_000 });
  return line;
}

const ended = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = await once(child, 'exit');
  return code;
};

test('SIGTERM: what runs is finished, what waits is not begun, and the process ends well', async () => {
  const line = await lineTo('12');
  witness.answer = () => undefined;
  const [a, b] = await line.add('12', 'a', 'b');
  const worker = await startPatient(line);
  await until('the delivery', () => witness.sightings.length === 1);
  worker.kill('SIGTERM');
  await until('the stop to be heard', () => worker.text().includes('"stopping"'));
  witness.sightings[0]!.reply(200);
  expect(await ended(worker.child)).toBe(0);
  expect((await line.item(a!.queueId)).state).toBe('completed');
  expect((await line.item(b!.queueId)).state).toBe('waiting');
  expect(witness.sightings.map(({ title }) => title)).toEqual(['a']);
});

test('an end at any moment of the start leaves nothing behind that would keep the process alive', async () => {
  const admin = new Redis(redis.url);
  const heard = await admin.duplicate().monitor();
  let count = 0;
  let onCommand = () => {};
  heard.on('monitor', () => {
    count += 1;
    onCommand();
  });
  const named = async () =>
    String(await admin.client('LIST'))
      .match(/name=andon\S*/g)
      ?.join(' ') ?? '';
  let begun = 0;
  // At every third command that a start sends, until one has sent all of its own before.
  for (let at = 1; begun === 0; at += 3) {
    const config = loadConfig({
      REDIS_URL: redis.url,
      ANDON_PREFIX: redis.freshPrefix(),
      ANDON_PORT: '0',
      ANDON_DATA_DIR: directory,
      ANDON_SECRET_KEY: randomBytes(32).toString('base64'),
    });
    const system = new System(config, {
      roles: ['api', 'worker', 'alerts'],
      log: silent,
      giveUp: () => {},
    });
    count = 0;
    const struck = new Promise<void>((resolve) => {
      onCommand = () => count >= at && resolve();
    });
    const started = system.start().then(
      () => 'begun',
      () => 'broken off',
    );
    await Promise.race([struck, started]);
    if (count < at) begun = at;
    await within(10_000, Promise.all([system.stop(), started]), `the end at command ${at}`);
    await until(`${await named()} to be gone`, async () => (await named()) === '');
    if (system.url) await expect(fetch(system.url)).rejects.toThrow();
  }
  expect(begun).toBeGreaterThan(30);
  heard.disconnect();
  admin.disconnect();
});

test('SIGTERM: what outlasts the grace goes back to the head, no try counted, and is next', async () => {
  const line = await lineTo('12');
  witness.answer = () => undefined;
  const [a] = await line.add('12', 'a', 'b');
  const worker = await startWorker(line, redis.url, 60_000);
  await until('the delivery', () => witness.sightings.length === 1);
  worker.kill('SIGTERM');
  expect(await ended(worker)).toBe(0);
  // Not by the lock, which has most of a minute to go.
  expect(await line.item(a!.queueId)).toMatchObject({ state: 'waiting', position: 0 });
  witness.answer = () => 200;
  await startWorker(line, redis.url);
  await until('both', () => witness.sightings.length === 3);
  expect(witness.sightings.map(({ title }) => title)).toEqual(['a', 'a', 'b']);
  expect(new Set(witness.sightings.slice(0, 2).map(({ key }) => key)).size).toBe(1);
});

test('a second signal ends it at once; its item runs again, first, when its lock is over', async () => {
  const line = await lineTo('12');
  witness.answer = () => undefined;
  await line.add('12', 'a', 'b');
  const worker = await startPatient(line);
  await until('the delivery', () => witness.sightings.length === 1);
  worker.kill('SIGTERM');
  await until('the stop to be heard', () => worker.text().includes('"stopping"'));
  expect(worker.child.exitCode).toBeNull();
  const from = performance.now();
  worker.kill('SIGINT');
  expect(await ended(worker.child)).toBe(1);
  expect(performance.now() - from).toBeLessThan(5_000);
  witness.answer = () => 200;
  await startWorker(line, redis.url);
  await until('both', () => witness.sightings.length === 3, 20_000);
  expect(witness.sightings.map(({ title }) => title)).toEqual(['a', 'a', 'b']);
  expect(witness.sightings.flatMap((one) => one.beside)).toEqual([]);
});

test('SIGTERM: the API answers what it was asked, takes nothing more, and ends', async () => {
  const line = await new Line(redis).ready();
  const api = run(line, ['api'], {
    ANDON_PORT: '0',
    ANDON_BOOTSTRAP_KEY: 'boot.0123456789abcdef0123',
  });
  const url = await until('the API', () => /http:\/\/[\d.:]+/.exec(api.text())?.[0], 60_000);
  // Asked, but the body comes only after the signal.
  const asked = request(`${url}/v1/channels/7`, {
    method: 'PUT',
    headers: {
      authorization: 'Bearer boot.0123456789abcdef0123',
      'content-type': 'application/json',
    },
  });
  const answered = once(asked, 'response');
  asked.write('{"description":"late",');
  await until('the request to be there', async () => (await fetch(`${url}/healthz`)).ok);
  api.kill('SIGTERM');
  await until('it to take nothing more', () =>
    fetch(`${url}/healthz`).then(
      () => false,
      () => true,
    ),
  );
  asked.end('"connector":{"type":"http","url":"https://shop.example/"}}');
  const [response] = await answered;
  expect(response.statusCode).toBe(201);
  response.resume();
  expect(await ended(api.child)).toBe(0);
  expect(await line.registry.get('channel', '7')).toMatchObject({ description: 'late' });
});

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A worker whose stop waits for long. */
async function startPatient(line: Line) {
  const worker = run(line, ['worker'], {
    ANDON_CONFIG: 'test/support/empty.yaml',
    ANDON_LOCK_MS: '1000',
  });
  await until('the worker', () => worker.text().includes('worker started'), 60_000);
  return worker;
}

function run(line: Line, args: readonly string[], environment: Record<string, string>) {
  const child = spawn(process.execPath, ['dist/cli.js', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: redis.url,
      ANDON_PREFIX: line.prefix,
      ANDON_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
      ANDON_CONFIG: 'test/support/worker.yaml',
      ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8',
      ...environment,
    },
  });
  running.add(child);
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
  });
  return { child, text: () => text, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}
