import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { makeLog } from '../../src/observability/log.js';
import { Api, product } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { Line } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const directory = await temporaryDirectory();

test('lines are JSON and say whose they are: queue, item, client, request', async () => {
  const lines: Record<string, unknown>[] = [];
  const screen = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const log = makeLog('debug', screen);
  const api = await Api.start(redis, { roles: ['api', 'worker'], log });
  const shop = await FarSide.start();
  shop.answer = () => ({ status: 422, body: { detail: 'this SKU is taken' } });
  await api.put('channel', '12', shop.url, { client: 'acme' });
  const asked = await api.call('POST', '/v1/items', { body: product('12', 'a') });
  const { queueId } = asked.body;
  await api.untilState(queueId, 'failed');
  const failed = await until('the failure to be told', () =>
    lines.find((line) => line['msg'] === 'fail'),
  );
  expect(failed).toMatchObject({
    queue: 'channel.12',
    queueId,
    client: 'acme',
    instruction: 'add_product',
    attempt: 1,
    message: 'this SKU is taken',
  });
  const answered = lines.find(
    (line) =>
      line['msg'] === 'answered' && line['route'] === '/v1/items' && line['method'] === 'POST',
  );
  expect(answered).toMatchObject({
    requestId: asked.headers['x-request-id'],
    queueId,
    caller: 'key boot',
    status: 202,
  });
  await api.stop();
});

test.each(['api', 'worker', 'alerts'])(
  '%s writes nothing but JSON where nobody looks on, and no password or key',
  async (role) => {
    const line = await new Line(redis).ready();
    const child = spawn(process.execPath, ['dist/cli.js', role], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        REDIS_URL: redis.url,
        ANDON_PREFIX: line.prefix,
        ANDON_DATA_DIR: directory,
        ANDON_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
        ANDON_ADMIN_PASSWORD: 'correct-horse-battery',
        ANDON_CONFIG: 'test/support/worker.yaml',
        ANDON_PORT: '0',
        ANDON_HEALTH_PORT: '0',
      },
    });
    let written = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => (written += data));
    await until('it to be up', () => written.includes('"up"'), 60_000);
    child.kill('SIGTERM');
    await once(child, 'close');
    const lines = written
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one));
    expect(lines.find(({ msg }) => msg === 'up')).toMatchObject({ role });
    expect(written).not.toContain('correct-horse-battery');
    if (role !== 'api') return;
    const key = await readFile(join(directory, 'admin-key'), 'utf8');
    expect(written).not.toContain(key.trim());
  },
  70_000,
);
