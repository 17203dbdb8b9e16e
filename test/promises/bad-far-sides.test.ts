import type { ServerResponse } from 'node:http';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Api } from '../support/api.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { deadPort, farSide, rawFarSide, tidy, tlsFarSide } from '../unit/connectors/far-side.js';

const redis = await startTestRedis();
const api = await Api.start(redis, {
  roles: ['api', 'worker'],
  config: 'test/support/outage.yaml',
  environment: { ANDON_LOCK_MS: '2000', ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8,::1/128' },
});
afterAll(tidy);

const healthy = await farSide((request, response) => {
  request.resume().on('end', () => response.end());
});
const answering = (status: number, body = '', headers: Record<string, string> = {}) =>
  farSide((_, response) => void response.writeHead(status, headers).end(body));
const dripping = () =>
  rawFarSide((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 5);
    socket.on('close', () => clearInterval(drip));
  });
const pouring = () =>
  farSide((_, response: ServerResponse) => {
    const pour = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
    };
    response.on('drain', pour);
    pour();
  });
const resetting = () =>
  rawFarSide((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf', () =>
      socket.resetAndDestroy(),
    );
  });

type Case = [
  what: string,
  url: () => Promise<string> | string,
  state: 'held' | 'blocked',
  cause: string,
  words: RegExp,
];
const cases: Case[] = [
  [
    'hangs before its headers',
    () => rawFarSide(() => {}),
    'held',
    'connection',
    /no answer within 0\.2 s/,
  ],
  [
    'hangs after its headers',
    () => rawFarSide((socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n')),
    'held',
    'connection',
    /no answer within 0\.2 s/,
  ],
  ['sends a byte at a time', dripping, 'held', 'connection', /no answer within 0\.2 s/],
  ['sends without end', pouring, 'blocked', 'bug', /larger than 8 MiB/],
  [
    'resets amid its answer',
    resetting,
    'held',
    'connection',
    /closed the connection before its answer/,
  ],
  [
    'is not there',
    async () => `http://127.0.0.1:${await deadPort()}/`,
    'held',
    'connection',
    /connection refused/,
  ],
  [
    'has a name that is unknown',
    () => 'http://shop.invalid/',
    'held',
    'connection',
    /the name of shop\.invalid/,
  ],
  [
    'shows a certificate that is not its own',
    async () => (await tlsFarSide('other.example')).url,
    'held',
    'connection',
    /certificate/,
  ],
  [
    'is closed for maintenance',
    () => answering(503, 'back at nine'),
    'held',
    'connection',
    /back at nine/,
  ],
  [
    'throttles',
    () => answering(429, 'slowly', { 'retry-after': '3600' }),
    'held',
    'throttled',
    /slowly/,
  ],
  [
    'answers a page',
    () => answering(200, '<!doctype html><h1>Log in</h1>', { 'content-type': 'text/html' }),
    'blocked',
    'bug',
    /a page instead of JSON: is the URL right\?/,
  ],
  [
    'sends elsewhere',
    () => answering(302, '', { location: '/login' }),
    'blocked',
    'bug',
    /redirects are not followed/,
  ],
  [
    'does not know us',
    () => answering(401, 'bad consumer secret'),
    'blocked',
    'credentials',
    /bad consumer secret/,
  ],
  [
    'has it already',
    () => answering(409, 'SKU A already exists'),
    'blocked',
    'duplicate',
    /already exists/,
  ],
  ['does not take it', () => answering(422, 'no price'), 'blocked', 'data', /no price/],
];

describe('a far side that', () => {
  it.each(cases)(
    '%s: its queue waits or stops, says why, and no other is touched',
    async (what, url, state, cause, words) => {
      const id = what.replace(/\W+/g, '-');
      const settings = { retry: { attempts: 1 } };
      await api.ok('PUT', `/v1/channels/${id}`, {
        description: `A shop that ${what}`,
        connector: { type: 'http', url: await url(), timeoutMs: 200 },
        ...settings,
      });
      await api.put('channel', `beside-${id}`, healthy);
      await api.add(id, 'A', 'B');
      const beside = await api.add(`beside-${id}`, 'X', 'Y', 'Z');
      const queue = await until(`the queue to be ${state}`, async () => {
        const now = await api.ok('GET', `/v1/queues/channel.${id}`);
        return now.state === state ? now : null;
      });
      const why = queue['blockedBy'] as { error: string; cause: string } | null;
      expect(why?.cause ?? queue['heldCause']).toBe(cause);
      expect(why?.error ?? queue['heldReason']).toMatch(words);
      for (const queueId of beside) await api.untilState(queueId, 'completed');
      const { items } = await api.ok('GET', `/v1/items?queue=channel.${id}&cause=${cause}`);
      expect(items).toMatchObject([{ data: { sku: 'A' } }]);
    },
  );

  it('is at a private address is refused before it is stored', async () => {
    for (const host of ['10.0.0.1', '169.254.169.254', '100.64.0.1', '[::ffff:10.0.0.1]']) {
      const answer = await api.call('PUT', '/v1/channels/inside', {
        body: { description: 'x', connector: { type: 'http', url: `http://${host}/` } },
      });
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0]).toMatchObject({ pointer: '/connector/url' });
    }
  });
});

describe('a rate limit', () => {
  it('is set with its channel, shown with it, and refused when it is none', async () => {
    const rateLimit = { max: 100, per: 'minute' };
    await api.put('channel', 'limited', healthy, { rateLimit });
    expect(await api.ok('GET', '/v1/channels/limited')).toMatchObject({ rateLimit });
    for (const wrong of [{ max: 0, per: 'minute' }, { max: 5 }, { max: 5, per: 60_000 }, 5]) {
      const answer = await api.call('PUT', '/v1/channels/limited', {
        body: { description: 'x', connector: { type: 'http', url: healthy }, rateLimit: wrong },
      });
      expect(answer.status).toBe(422);
    }
  });
});
