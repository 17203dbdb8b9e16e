import { expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { FarSide } from '../support/far-side.js';
import { startOffice } from '../support/letters.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const hostile = '<!channel> <https://evil.example|here> [x](https://evil.example) \u202e';

test('a webhook, Slack and Teams are told of an incident and its end, each in its own shape', async () => {
  const { api, shop, smtp } = await startOffice(redis);
  const chat = await FarSide.start();
  const put = (id: string) =>
    api.ok('PUT', `/v1/webhooks/${id}`, { url: `${chat.url}/${id}`, description: id });
  const { secret } = await put('hub');
  for (const id of ['chat', 'team']) await put(id);
  const recipients = ['ann@shop.example', 'webhook:hub', 'slack:chat', 'teams:team'];
  await api.ok('PUT', '/v1/alerts/recipients', { recipients });
  const at = (id: string) => chat.deliveries.filter(({ path }) => path.endsWith(`/${id}`));

  const [queueId] = await api.add('12', hostile, 'b');
  await until('all to be told', () => recipients.length - 1 === chat.deliveries.length);
  await smtp.untilMails(1);

  const [told] = at('hub');
  const checked = new Webhook(secret.replace(/^whsec_/, ''));
  const event = checked.verify(
    JSON.stringify(told!.body),
    told!.headers as Record<string, string>,
  ) as { type: string; data: Record<string, never> };
  expect(event).toMatchObject({
    type: 'incident.opened',
    data: {
      notifications: ['addChannelProductError', 'queueError'],
      incident: { open: 1, failures: 1, url: expect.stringContaining('/incidents/1') },
      items: [
        { queueId, queue: 'channel.12', error: 'no <b>price</b> & no stock', waitingBehind: 1 },
      ],
    },
  });

  const slack = at('chat')[0]!.body as unknown as { text: string; blocks: { text: object }[] };
  expect(slack.text).toContain(`Item ${queueId} stopped channel 12`);
  expect(slack.text).not.toMatch(/[<>\u202e]/);
  for (const block of slack.blocks.slice(0, 2))
    expect(block.text).toMatchObject({ type: 'plain_text' });

  const teams = JSON.stringify(at('team')[0]!.body);
  expect(teams).toContain('application/vnd.microsoft.card.adaptive');
  expect(teams).toContain('no <b>price</b> & no stock');
  // Only text runs, which know no links.
  expect(teams).not.toContain('"TextBlock"');
  // Everybody in the room would act in one person's name.
  for (const { body } of chat.deliveries) expect(JSON.stringify(body)).not.toContain('/act/');

  shop.answer = () => ({ status: 200 });
  await api.ok('POST', `/v1/items/${queueId}/retry`);
  await until('all to be told of the end', () => chat.deliveries.length === 6);
  expect((at('hub')[1]!.body as unknown as { type: string }).type).toBe('incident.over');
});

test('a webhook is told of those alerts only whose events it takes, and of one at the least', async () => {
  const { api, shop, smtp } = await startOffice(redis);
  const chat = await FarSide.start();
  const put = (id: string, events: string[]) =>
    api.call('PUT', `/v1/webhooks/${id}`, {
      body: { url: `${chat.url}/${id}`, description: id, events },
    });
  await put('all', ['incident.opened', 'incident.over']);
  await put('first', ['incident.opened']);
  await put('orders', ['order.created']);
  const recipients = ['ann@shop.example', 'webhook:all', 'webhook:first'];
  const set = (body: object) => api.call('PUT', '/v1/alerts/recipients', { body });
  const deaf = await set({ recipients: [...recipients, 'webhook:orders'] });
  expect([deaf.status, deaf.body.errors[0]?.pointer]).toEqual([422, '/recipients/3']);
  expect((await set({ recipients })).status).toBe(200);

  const [queueId] = await api.add('12', 'a');
  await until('both to be told', () => chat.deliveries.length === 2);
  shop.answer = () => ({ status: 200 });
  await api.ok('POST', `/v1/items/${queueId}/retry`);
  await smtp.untilMails(2);
  const end = () => chat.deliveries.filter(({ path }) => path.endsWith('/all')).length === 2;
  await until('the one to be told of the end', end);
  expect(chat.deliveries.filter(({ path }) => path.endsWith('/first')).length).toBe(1);

  // Nobody would notice that alerts go nowhere any more.
  const narrowed = await put('first', ['order.created']);
  expect([narrowed.status, narrowed.body.errors[0]?.pointer]).toEqual([422, '/events']);
  expect((await put('orders', ['order.paid'])).status).toBe(200);
});

test('a webhook that is not registered is no recipient, and one of another client neither', async () => {
  const { api } = await startOffice(redis);
  await api.put('channel', '13', 'http://127.0.0.1:9/', { client: 'cape' });
  await api.ok('PUT', '/v1/webhooks/own', {
    url: 'https://a.example/',
    description: 'x',
    client: 'acme',
  });
  const made = await api.ok('POST', '/v1/keys', {
    scopes: ['admin'],
    client: 'cape',
  });
  for (const [address, key] of [
    ['slack:nowhere', undefined],
    ['slack:own', made.key],
    ['slack:', undefined],
    ['pager:own', undefined],
  ] as const) {
    const body = { client: 'cape', recipients: [address] };
    for (const [method, path, more] of [
      ['PUT', '/v1/alerts/recipients', {}],
      ['POST', '/v1/alerts/overrides', { types: ['queueError'] }],
    ] as const) {
      const answer = await api.call(method, path, {
        body: { ...body, ...more },
        ...(key && { key }),
      });
      expect([address, answer.status]).toEqual([address, 422]);
    }
  }
});
