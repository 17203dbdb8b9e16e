import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { backOff, policyOf } from '../../src/fleet/back-off.js';
import { Api } from '../support/api.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { TestSmtp } from '../support/smtp.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const directory = await temporaryDirectory();
const config = join(directory, 'andon.yaml');
await writeFile(
  config,
  'mail: { from: "Andon <andon@shop.example>" }\nretry: { send_email: { firstDelayMs: 20, maxDelayMs: 50 } }\nfleet: { tendMs: 20 }\n',
);

const start = (environment: Record<string, string> = {}) =>
  Api.start(redis, { roles: ['api', 'worker'], config, environment });

const mail = (data: object = {}) => ({
  instruction: 'send_email',
  data: { to: 'ann@shop.example', subject: 'Your order', text: 'It left.', ...data },
});

test('a mail leaves without anybody having put a service for it', async () => {
  const smtp = await TestSmtp.start();
  const api = await start({ ANDON_SMTP_URL: smtp.url });
  const { queueId, queue } = await api.ok('POST', '/v1/items', mail());
  expect(queue).toBe('parallel');
  const item = await api.untilState(queueId, 'completed');
  expect(item['outcome']).toMatchObject({
    result: {
      messageId: expect.stringContaining(`andon.${queueId}.`),
      recipients: ['ann@shop.example'],
    },
  });
  expect(smtp.mails[0]?.mail.text?.trim()).toBe('It left.');
  // To how many, and by which server: addresses stand in the data, for those who may see them.
  expect(item['request']).toBe(`mail to 1 recipient by ${new URL(smtp.url).host}`);
  await api.stop();
});

test('without a mail server the mail fails and says what to set; a retry after that sends it', async () => {
  const prefix = redis.freshPrefix();
  const first = await Api.start(redis, { roles: ['api', 'worker'], config, prefix });
  const { queueId } = await first.ok('POST', '/v1/items', mail());
  const failed = await first.untilState(queueId, 'failed');
  expect(failed['error']).toMatchObject({
    cause: 'credentials',
    message: expect.stringContaining('set ANDON_SMTP_URL'),
  });
  await first.stop();
  const smtp = await TestSmtp.start();
  const environment = { ANDON_SMTP_URL: smtp.url };
  const second = await Api.start(redis, { roles: ['api', 'worker'], config, prefix, environment });
  await second.ok('POST', `/v1/items/${queueId}/retry`);
  await second.untilState(queueId, 'completed');
  expect(smtp.mails).toHaveLength(1);
  await second.stop();
});

test('a mail survives a mail server that is away, and other mails do not wait for one that is refused', async () => {
  const smtp = await TestSmtp.start();
  const api = await start({ ANDON_SMTP_URL: smtp.url });
  smtp.manners = { recipient: (to) => (to.startsWith('ann') ? '451 4.7.1 come later' : null) };
  const greylisted = await api.ok('POST', '/v1/items', mail());
  const other = await api.ok('POST', '/v1/items', mail({ to: 'ben@shop.example' }));
  await api.untilState(other.queueId, 'completed');
  const waiting = await until('the first to wait for its next attempt', async () => {
    const item = await api.item(greylisted.queueId);
    return item.state === 'backing-off' ? item : null;
  });
  expect(waiting['error']).toMatchObject({ cause: 'throttled', status: 451 });
  smtp.manners = {};
  await api.untilState(greylisted.queueId, 'completed');
  expect(smtp.mails.map(({ to }) => to)).toEqual([['ben@shop.example'], ['ann@shop.example']]);
  await api.stop();
});

test('a mail is tried for 3 days at the least, every 15 minutes in the end', () => {
  const policy = policyOf(null, null, 'send_email');
  const waits: number[] = [];
  for (let tries = 0; ; tries += 1) {
    const wait = backOff(policy, tries, () => 1);
    if (wait === null) break;
    waits.push(wait);
  }
  expect(waits.reduce((sum, wait) => sum + wait)).toBeGreaterThanOrEqual(3 * 86_400_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(900_000);
  expect(policyOf(null, { attempts: 2 }, 'send_email').attempts).toBe(2);
});

test('bad addresses are refused with a pointer to them', async () => {
  const api = await start();
  const answer = await api.call('POST', '/v1/items', {
    body: mail({ to: ['ann@shop.example', 'ben'], cc: 'x@y.example\r\nBcc: z@y.example' }),
  });
  expect(answer.status).toBe(422);
  expect(answer.body.errors.map(({ pointer }) => pointer)).toEqual(['/data/to', '/data/cc']);
  await api.stop();
});
