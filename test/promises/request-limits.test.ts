import { afterAll, describe, expect, test } from '@jest/globals';
import { RequestLimit } from '../../src/accounts/request-limit.js';
import { networkOf } from '../../src/api/limits.js';
import { TooManyRequests } from '../../src/errors.js';
import { connectRedis, untilReady } from '../../src/redis/connect.js';
import { Api } from '../support/api.js';
import { startTestRedis } from '../support/redis.js';
import { endShapes, startStandalone } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const config = 'test/support/request-limits.yaml';
// Each test is a customer of its own.
const from = (address: string) => ({ 'x-forwarded-for': address });
const environment = { ANDON_TRUST_PROXY: '1' };

afterAll(endShapes);

describe('one key makes so many requests in a period, over all processes', () => {
  test('then it is told when to go on, and what it wanted has not been done', async () => {
    const api = await Api.start(redis, { config, environment });
    const channel = { description: 'D', connector: { type: 'http', url: 'http://127.0.0.1:9/' } };
    for (let left = 4; left >= 0; left -= 1) {
      const answer = await api.call('GET', '/v1/queues', { headers: from('192.0.2.1') });
      expect(answer.status).toBe(200);
      expect(answer.headers['ratelimit']).toMatch(new RegExp(`^"key";r=${left};t=\\d+$`));
      expect(answer.headers['ratelimit-policy']).toBe('"key";q=5;w=60');
    }
    const refused = await api.call('PUT', '/v1/channels/late', {
      body: channel,
      headers: from('192.0.2.1'),
    });
    expect(refused.headers['content-type']).toMatch('application/problem+json');
    expect(refused).toMatchObject({
      status: 429,
      body: {
        type: '/problems/too-many-requests',
        status: 429,
        detail: expect.stringMatching(
          /^this key may make 5 requests in 60 s: go on in \d+ seconds$/,
        ),
      },
    });
    const wait = Number(refused.headers['retry-after']);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60);
    expect(refused.headers['ratelimit']).toBe(`"key";r=0;t=${wait}`);
    expect(await api.redis.hexists(api.keys.registry.endpoints, 'channel.late')).toBe(0);
  });

  test('another process counts on, and another key is not concerned', async () => {
    const one = await Api.start(redis, { config, environment });
    const { key } = await one.ok('POST', '/v1/keys', { scopes: ['read'] });
    const two = await Api.start(redis, { config, environment, prefix: one.prefix });
    const statuses: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      const api = n % 2 ? one : two;
      statuses.push((await api.call('GET', '/v1/queues', { headers: from('192.0.2.2') })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429, 429, 429]);
    expect((await two.call('GET', '/v1/queues', { key, headers: from('192.0.2.2') })).status).toBe(
      200,
    );
  });

  test('whoever does not have the secret uses up nothing', async () => {
    const api = await Api.start(redis, { config, environment });
    for (let n = 0; n < 10; n += 1) {
      const key = 'boot.wrong-secret-0000000';
      const answer = await api.call('GET', '/v1/queues', { key, headers: from('192.0.2.3') });
      expect(answer.status).toBe(401);
    }
    expect((await api.call('GET', '/v1/queues', { headers: from('192.0.2.4') })).status).toBe(200);
  });
});

describe('one address makes so many requests in a period', () => {
  test('whatever it asks for, with a key or without; pages say so in words', async () => {
    const api = await Api.start(redis, { config, environment });
    const headers = { ...from('192.0.2.9'), accept: 'text/html', 'sec-fetch-dest': 'document' };
    for (let n = 0; n < 40; n += 1)
      await api.call('GET', n % 2 ? '/docs' : '/v1/queues', { key: null, headers });
    const page = await api.call('GET', '/login', { key: null, headers });
    expect(page.status).toBe(429);
    expect(page.headers['content-type']).toMatch('text/html');
    expect(page.text).toContain('Too many requests');
    expect(page.headers['retry-after']).toMatch(/^\d+$/);
    const call = await api.call('GET', '/v1/queues', { headers: from('192.0.2.9') });
    expect(call).toMatchObject({
      status: 429,
      body: { type: '/problems/too-many-requests' },
    });
    expect(call.headers['ratelimit']).toMatch(/^"address";r=0;t=\d+$/);
    const other = await api.call('GET', '/v1/queues', { headers: from('192.0.2.10') });
    expect(other.status).toBe(200);
    for (const path of ['/healthz', '/readyz'])
      expect((await api.call('GET', path, { key: null, headers })).status).toBe(200);
  });

  test('an IPv6 customer has one /64, however many addresses are in it', () => {
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(networkOf('2001:db8:1:2:ffff::1')).toBe('2001:db8:1:2::/64');
    expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
  });
});

describe('the limit itself', () => {
  const limit = async (max: number, per: 'second' | 'minute' = 'minute', url = redis.url) => {
    const client = connectRedis(url, { name: 'test', kind: 'fleet' });
    await untilReady(client, 5_000);
    const prefix = redis.freshPrefix();
    return { client, prefix, one: new RequestLimit(client, prefix, 'key', { max, per }) };
  };
  const through = async (limits: RequestLimit[], requests: number): Promise<number> => {
    const all = Array.from({ length: requests }, (_, n) => limits[n % limits.length]?.take('a'));
    const ends = await Promise.allSettled(all);
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(TooManyRequests);
    return ends.filter(({ status }) => status === 'fulfilled').length;
  };

  test('is never exceeded by many processes at once', async () => {
    const { client, prefix, one } = await limit(1_000);
    const settings = { max: 1_000, per: 'minute' } as const;
    const more = [one, ...[1, 2, 3].map(() => new RequestLimit(client, prefix, 'key', settings))];
    const admitted = await through(more, 5_000);
    expect(admitted).toBeLessThanOrEqual(1_000);
    // What processes were given and did not use.
    expect(admitted).toBeGreaterThan(900);
    client.disconnect();
  });

  test('goes on with the next period', async () => {
    const { client, one } = await limit(1, 'second');
    const first = await one.take('a');
    expect(first?.left).toBe(0);
    await until('the next second', async () => (await through([one], 1)) === 1);
    client.disconnect();
  });

  test('asks Redis once for many requests', async () => {
    const { client, one } = await limit(10_000);
    const before = Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1]);
    expect(await through([one], 5_000)).toBe(5_000);
    const after = Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1]);
    expect(after - before).toBeLessThan(500);
    client.disconnect();
  });

  test('is counted in the process while Redis is away', async () => {
    const server = await startStandalone();
    const { client, one } = await limit(50, 'minute', server.url);
    await server.kill();
    expect(await through([one], 200)).toBe(50);
    client.disconnect();
  });

  test('of 0 is none', async () => {
    const { client, one } = await limit(0);
    expect(await through([one], 500)).toBe(500);
    client.disconnect();
  });
});
