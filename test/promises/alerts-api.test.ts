import { describe, expect, test } from '@jest/globals';
import { Watch } from '../support/alerts.js';
import { Api } from '../support/api.js';
import { fail, Line, product } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const api = await Api.start(redis);
for (const [channel, client] of [
  ['1', 'acme'],
  ['2', 'acme'],
  ['3', 'bolt'],
])
  await api.put('channel', String(channel), `http://127.0.0.1:9/${channel}`, { client });

const keyFor = async (scopes: string[], limits: object): Promise<string> =>
  (await api.ok('POST', '/v1/keys', { scopes, ...limits })).key;

describe('recipients over the API', () => {
  test('a client without any is warned of until it has one', async () => {
    const warned = async () =>
      (await api.ok('GET', '/v1/alerts/warnings')).items.map((one) => one['client']);
    expect(await warned()).toEqual(['acme', 'bolt']);
    await api.ok('PUT', '/v1/alerts/recipients', {
      client: 'acme',
      recipients: ['Top@Acme.example'],
    });
    expect(await warned()).toEqual(['bolt']);
  });

  test('the routing tester says who is told, and who lost it through which override', async () => {
    await api.ok('PUT', '/v1/alerts/recipients', {
      client: 'acme',
      recipients: ['top@acme.example'],
    });
    const made = await api.ok('POST', '/v1/alerts/overrides', {
      client: 'acme',
      types: ['queueError'],
      channels: ['1'],
      recipients: [{ address: 'support@acme.example', name: 'Support' }],
    });
    const at = (channel: string) =>
      api.ok('GET', `/v1/alerts/route?type=queueError&channel=${channel}`);
    expect(await at('1')).toMatchObject({
      client: 'acme',
      told: [
        {
          address: 'support@acme.example',
          because: [{ type: 'queueError', through: `override ${made.id}` }],
        },
      ],
      lost: [{ address: 'top@acme.example', override: made.id }],
    });
    expect(await at('2')).toMatchObject({ told: [{ address: 'top@acme.example' }], lost: [] });
    await api.ok('DELETE', `/v1/alerts/overrides/${made.id}`);
    expect(await at('1')).toMatchObject({ told: [{ address: 'top@acme.example' }], lost: [] });
  });

  test.each([
    [{ recipients: ['no address'] }, '/recipients/0'],
    [{ recipients: ['a@b.example\r\nBcc: x@y.example'] }, '/recipients/0'],
    [{ recipients: [{ address: 'a@b.example', name: 'A\nBcc: x@y' }] }, '/recipients/0'],
    [
      { recipients: [{ address: 'a@b.example', quiet: { from: '25:00', to: '06:00' } }] },
      '/recipients/0',
    ],
  ])('%j is refused', async (body, pointer) => {
    const answer = await api.call('PUT', '/v1/alerts/recipients', { body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]?.pointer).toContain(pointer);
  });

  test('an override that could never match is refused', async () => {
    const put = (more: object) =>
      api.call('POST', '/v1/alerts/overrides', {
        body: { client: 'acme', recipients: ['a@b.example'], ...more },
      });
    expect((await put({ types: ['noSuchError'] })).body.errors[0]?.pointer).toBe('/types/0');
    expect(
      (await put({ types: ['syncCustomerError'], channels: ['1'] })).body.errors[0]?.pointer,
    ).toBe('/channels');
    expect((await put({ types: ['queueError'], channels: ['99'] })).body.errors[0]?.pointer).toBe(
      '/channels/0',
    );
  });

  test('a key of one client neither sees nor sets those of another', async () => {
    const key = await keyFor(['admin'], { client: 'bolt' });
    await api.ok('PUT', '/v1/alerts/recipients', {
      client: 'acme',
      recipients: ['x@acme.example'],
    });
    expect((await api.ok('GET', '/v1/alerts/recipients', undefined, key)).items).toEqual([]);
    const body = { client: 'acme', recipients: ['y@bolt.example'] };
    expect((await api.call('PUT', '/v1/alerts/recipients', { body, key })).status).toBe(422);
    const route = '/v1/alerts/route?type=queueError&client=acme';
    expect((await api.call('GET', route, { key })).status).toBe(422);
  });
});

describe('incidents over the API', () => {
  test('are shown to each as far as they concern him, claimed by one and snoozed', async () => {
    const line = await new Line(redis, { prefix: api.prefix }).ready();
    const watch = new Watch(line, { gatherMs: 0 });
    watch.deliver = () => fail;
    await line.startFleet();
    await line.enqueuer.enqueue([
      product('1', 'acme shirt', { client: 'acme' }),
      product('3', 'bolt shirt', { client: 'bolt' }),
    ]);
    await line.untilStarted(2);
    await watch.look();
    const [incident] = (await api.ok('GET', '/v1/incidents?state=open')).items;
    expect(incident).toMatchObject({ failures: 2, open: 2, queues: ['channel.1', 'channel.3'] });

    const key = await keyFor(['operate'], { client: 'bolt' });
    const id = Number(incident?.id);
    const seen = await api.ok('GET', `/v1/incidents/${id}`, undefined, key);
    expect(seen).toMatchObject({
      failures: 1,
      queues: ['channel.3'],
      clients: ['bolt'],
      told: null,
    });
    expect(JSON.stringify(seen)).not.toMatch(/acme|channel\.1/);

    expect(await api.ok('POST', `/v1/incidents/${id}/claim`)).toMatchObject({
      claimedBy: expect.stringContaining('boot'),
    });
    expect((await api.call('POST', `/v1/incidents/${id}/claim`, { key })).status).toBe(409);
    await api.ok('POST', `/v1/incidents/${id}/release`, undefined, key);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect(await api.ok('POST', `/v1/incidents/${id}/snooze`, { until }, key)).toMatchObject({
      snoozedUntil: until,
      claimedBy: null,
    });
    const lines = (await api.ok('GET', '/v1/audit?limit=20')).items.filter(
      (line) => line['incident'] === id,
    );
    const claimedBy = expect.stringContaining('boot');
    expect(lines.map(({ action, before, after }) => [action, before, after])).toEqual([
      [
        'snooze',
        expect.objectContaining({ snoozedUntil: null }),
        expect.objectContaining({ snoozedUntil: until }),
      ],
      ['release', expect.objectContaining({ claimedBy }), expect.anything()],
      ['claim', { claimedBy: null }, { claimedBy }],
    ]);
    const stranger = await keyFor(['read'], { client: 'nobody' });
    expect((await api.call('GET', `/v1/incidents/${id}`, { key: stranger })).status).toBe(404);
  });
});
