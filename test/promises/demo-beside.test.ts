import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { Api, BOOTSTRAP_KEY } from '../support/api.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

test('the demo beside a running Andon tells nobody by mail there, and names no page that is not', async () => {
  const api = await Api.start(redis, { roles: ['api', 'worker', 'alerts'] });
  const child = spawn(process.execPath, [cli, 'demo', '--shop-port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      ANDON_PORT: new URL(api.url).port,
      ANDON_URL: api.url,
      ANDON_KEY: BOOTSTRAP_KEY,
    },
  });
  let told = '';
  child.stdout.on('data', (text: Buffer) => {
    told += text.toString();
  });
  try {
    await until('the demo to be told', () => told.includes('Ctrl-C'), 60_000);
    expect(told).toContain('npx andon edit 5 --set variants.0.price=50');
    expect(told).not.toContain('/demo/mail');
    expect(told).toContain('to nobody yet: npx andon recipients set');
    const lists = await api.ok('GET', '/v1/alerts/recipients');
    expect(lists.items).toEqual([]);
  } finally {
    child.kill('SIGINT');
    await once(child, 'exit');
  }
}, 90_000);
