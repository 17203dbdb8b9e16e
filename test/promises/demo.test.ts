import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import express from 'express';
import { DemoMail } from '../../src/programs/demo-mail.js';
import { Api, BOOTSTRAP_KEY } from '../support/api.js';
import { openBrowser, phone, scrollsSideways } from '../support/browser.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const browser = openBrowser();
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

test('the list of its mails keeps times and addresses whole, and is no wider than a phone', async () => {
  const post = new DemoMail();
  const address = 'somebody.with.a.long.name@warehouse.customer.example';
  const subject = 'Item 5 stopped Cape Shopify (demo): Add product to Cape Shopify (demo) · Blouse';
  post.mails.push({
    attachments: [],
    date: '2026-11-21T20:06:13Z',
    headerLines: [],
    headers: [],
    subject,
    to: [{ address, name: '' }],
  });
  const server = express().use('/demo', post.room).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/demo/mail`;
  for (const looks of [{}, phone]) {
    const { page } = await browser.page(looks);
    await page.goto(url);
    const lines = (name: string) =>
      page.evaluate(`(() => {
        const range = document.createRange();
        range.selectNodeContents(document.querySelector('.${name}'));
        return new Set([...range.getClientRects()].map(({ top }) => top)).size;
      })()`);
    expect(await lines('time')).toBe(1);
    if (looks !== phone) expect(await lines('to')).toBe(1);
    expect(await scrollsSideways(page)).toBe(false);
    await page.close();
  }
  server.close();
});
