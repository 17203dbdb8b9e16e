import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api, type Body } from '../support/api.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const api = await Api.start(redis, { roles: ['api', 'worker'] });
const far = await FarSide.start();

/** Keys and people of two clients who share one Andon. */
const clients = ['acme', 'beta'] as const;
type Client = (typeof clients)[number];
const keys = {} as Record<Client, string>;
const people = {} as Record<Client, Person>;

const makeKey = async (grant: object) => (await api.ok('POST', '/v1/keys', grant)).key;

/** Orders whose fulfilment is refused; what is refused of them is up to the test. */
const refused = new Set<string>();

beforeAll(async () => {
  far.answer = ({ body: { data } }) =>
    refused.has(String(data['orderNumber'] ?? data['sku']))
      ? { status: 422, body: { detail: 'no' } }
      : { status: 200 };
  await api.put('service', 'fulfillment', far.url);
  for (const client of clients) {
    keys[client] = await makeKey({ scopes: ['enqueue', 'operate'], client });
    people[client] = await Person.of(api, {
      name: `${client}-operator`,
      role: 'operator',
      clients: [client],
    });
    await api.put('source', `${client}-erp`, far.url, { client });
  }
});

const enqueue = (client: Client, body: object) => api.ok('POST', '/v1/items', body, keys[client]);
const fulfil = (client: Client, orderNumber: string) =>
  enqueue(client, { instruction: 'fulfill_order', data: { orderNumber } });
const skip = (client: Client, id: number, scope: string, more: object = {}) =>
  api.ok('POST', `/v1/items/${id}/skip`, { scope, ...more }, keys[client]);
const stateOf = async (client: Client, { queueId }: Body) =>
  (await api.item(queueId, keys[client])).state;

/** Fails for acme, waits for both while the parallel queue stands still. */
async function sharedOrder(order: string): Promise<{ failed: Body; mine: Body; theirs: Body }> {
  refused.add(order);
  const failed = await fulfil('acme', order);
  await api.untilState(failed.queueId, 'failed');
  await api.ok('POST', '/v1/queues/parallel/pause', {});
  const theirs = await fulfil('beta', order);
  const mine = await fulfil('acme', order);
  refused.delete(order);
  return { failed, mine, theirs };
}
const goOn = () => api.ok('POST', '/v1/queues/parallel/resume');

describe('order 1001 of one client is not order 1001 of another', () => {
  test('a skip takes the items of its own client only, as its preview says', async () => {
    const { failed, mine, theirs } = await sharedOrder('1001');
    const preview = await skip('acme', failed.queueId, 'entity', { dryRun: true });
    const told = (preview['skips'] as Body[]).map(({ queueId }) => queueId);
    expect(told).toEqual([failed.queueId, mine.queueId]);
    const done = await skip('acme', failed.queueId, 'entity');
    expect(done['skippedIds']).toEqual([failed.queueId, mine.queueId]);
    expect(await stateOf('beta', theirs)).toBe('waiting');
    await goOn();
    await api.untilState(theirs.queueId, 'completed');
  });

  test('a rule until the next add skips what comes of its own client only', async () => {
    const { failed, theirs } = await sharedOrder('1002');
    await skip('acme', failed.queueId, 'entity-until-add');
    expect(await fulfil('beta', '1002')).toMatchObject({ state: 'waiting' });
    expect(await fulfil('acme', '1002')).toMatchObject({ state: 'skipped' });
    expect(await stateOf('beta', theirs)).toBe('waiting');

    const add = (client: Client) =>
      enqueue(client, {
        instruction: 'add_order',
        source: `${client}-erp`,
        data: { orderNumber: '1002' },
      });
    expect(await add('beta')).toMatchObject({ state: 'waiting' });
    expect(await fulfil('acme', '1002')).toMatchObject({ state: 'skipped' });
    expect(await add('acme')).toMatchObject({ state: 'waiting' });
    expect(await fulfil('acme', '1002')).toMatchObject({ state: 'waiting' });
    await goOn();
  });

  test('a rule is told to its own client only, whose operator may end it', async () => {
    const { failed } = await sharedOrder('1003');
    await skip('acme', failed.queueId, 'entity-until-add', { reason: 'acme says so' });
    const page = '/entities/order/1003';
    expect((await people.acme.get(page)).text).toContain('acme says so');
    const theirs = await people.beta.get(page);
    expect(theirs.status).toBe(200);
    expect(theirs.text).not.toContain('acme');
    const end = { queue: 'parallel', client: 'acme' };
    await people.beta.post(`${page}/end-rule`, end);
    expect(await fulfil('acme', '1003')).toMatchObject({ state: 'skipped' });
    await people.acme.post(`${page}/end-rule`, end);
    expect(await fulfil('acme', '1003')).toMatchObject({ state: 'waiting' });
    await goOn();
  });

  test('a rule of an older release, under the order alone, holds as it did', async () => {
    await api.redis.hset(
      api.keys.rules('parallel'),
      'order:1004',
      JSON.stringify({ at: 1, actor: 'old', scope: 'entity-until-add', until: '' }),
    );
    for (const client of clients)
      expect(await fulfil(client, '1004')).toMatchObject({ state: 'skipped' });
    await enqueue('beta', {
      instruction: 'add_order',
      source: 'beta-erp',
      data: { orderNumber: '1004' },
    });
    for (const client of clients)
      expect(await fulfil(client, '1004')).toMatchObject({ state: 'waiting' });
  });

  test('a skip can be taken back though the order of another client has run since', async () => {
    const { failed, theirs } = await sharedOrder('1005');
    await skip('acme', failed.queueId, 'item');
    await goOn();
    await api.untilState(theirs.queueId, 'completed');
    const own = await fulfil('acme', '1005');
    await api.untilState(own.queueId, 'completed');
    const undo = (id: number) =>
      api.call('POST', `/v1/items/${id}/undo-skip`, { body: {}, key: keys.acme });
    // Something newer of its own has run: that still counts.
    expect(await undo(failed.queueId)).toMatchObject({
      status: 409,
      body: { detail: expect.not.stringContaining(`item ${theirs.queueId} `) },
    });
    const { failed: other, mine, theirs: last } = await sharedOrder('1006');
    await skip('acme', other.queueId, 'entity');
    await goOn();
    await api.untilState(last.queueId, 'completed');
    expect((await undo(mine.queueId)).status).toBe(200);
    await api.untilState(mine.queueId, 'completed');
  });
});
