import { describe, expect, test } from '@jest/globals';
import { Api, type Body, product } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const api = await Api.start(redis, {
  roles: ['api', 'worker'],
  environment: { ANDON_PARALLEL_CONCURRENCY: '1' },
});
const me = 'key boot';

let made = 0;
/** A channel of its own for each test, and the shop behind it. */
async function freshShop(more: object = {}) {
  const shop = await FarSide.start();
  const channel = `shop-${++made}`;
  await api.put('channel', channel, shop.url, more);
  return { shop, channel, queue: `channel.${channel}` };
}

/** A shop whose queue is blocked by the first of these SKUs. */
async function blockedShop(...skus: string[]) {
  const fresh = await freshShop();
  fresh.shop.refuse(String(skus[0]));
  const ids = await api.add(fresh.channel, ...skus);
  await api.untilState(ids[0], 'failed');
  return { ...fresh, ids: ids as [number, number, number] };
}

const queueOf = (name: string) => api.ok('GET', `/v1/queues/${name}`);
const act = (queueId: number, verb: string, body?: object) =>
  api.call('POST', `/v1/items/${queueId}/${verb}`, { body });
const search = async (query: string) => (await api.ok('GET', `/v1/items?${query}`)).items;
const idsOf = (items: readonly Body[]) => items.map((item) => item.queueId);
const update = (channel: string, sku: string) => ({
  instruction: 'update_product',
  channel,
  data: { sku },
});
const enqueue = (...items: object[]) =>
  api.ok('POST', '/v1/items/batch', { items }).then((answer) => idsOf(answer.items));

describe('a blocked queue, as an operator sees it', () => {
  test('says in full what blocks it, since when, and what waits', async () => {
    const { shop, queue, ids } = await blockedShop('BAD', 'B', 'C');
    const shown = await queueOf(queue);
    expect(shown).toMatchObject({
      name: queue,
      kind: 'channel',
      mode: 'blocking',
      description: queue.replace('.', ' '),
      client: null,
      state: 'blocked',
      blocked: true,
      paused: false,
      heldUntil: null,
      blockedBy: {
        queueId: ids[0],
        title: 'BAD',
        error: 'BAD has no price',
        since: expect.any(String),
      },
      counts: {
        waiting: 2,
        active: 0,
        backingOff: 0,
        failed: 1,
        completed: 0,
        skipped: 0,
        resolved: 0,
      },
      oldestWaitingAt: (await api.item(ids[1]))['enqueuedAt'],
      nextAttemptAt: null,
    });
    expect(shop.skus).toEqual(['BAD']);
  });

  test('shows its items in full: error, attempts, positions, history', async () => {
    const { queue, ids } = await blockedShop('BAD', 'B', 'C');
    const error = {
      message: 'BAD has no price',
      cause: 'data',
      status: 422,
      at: expect.any(String),
    };
    const failed = await api.item(ids[0]);
    expect(failed).toMatchObject({
      queueId: ids[0],
      queue,
      state: 'failed',
      attempts: 1,
      position: 0,
      error,
      outcome: null,
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
      history: [
        { at: expect.any(String), actor: 'the fleet', action: 'block', reason: 'BAD has no price' },
      ],
    });
    expect((await api.item(ids[1])).position).toBe(1);
    expect((await api.item(ids[2])).position).toBe(2);
  });

  test('cannot be opened by a resume', async () => {
    const { shop, queue, ids } = await blockedShop('BAD', 'B');
    const answer = await api.call('POST', `/v1/queues/${queue}/resume`);
    expect(answer).toMatchObject({
      status: 409,
      body: {
        type: '/problems/conflict',
        detail: `${queue} is blocked by item ${ids[0]}: retry, skip or resolve it`,
        state: 'blocked',
        blockedBy: ids[0],
      },
    });
    expect(shop.skus).toEqual(['BAD']);
  });

  test('stays blocked when a pause is lifted, and paused when the block is', async () => {
    const { shop, queue, ids } = await blockedShop('BAD', 'B');
    expect(await api.ok('POST', `/v1/queues/${queue}/pause`)).toMatchObject({
      state: 'blocked',
      paused: true,
    });
    expect(await api.ok('POST', `/v1/queues/${queue}/resume`)).toMatchObject({
      state: 'blocked',
      paused: false,
    });
    await api.ok('POST', `/v1/queues/${queue}/pause`);
    expect((await act(ids[0], 'skip', { reason: 'gone' })).status).toBe(200);
    expect(await queueOf(queue)).toMatchObject({
      state: 'paused',
      blocked: false,
      blockedBy: null,
    });
    expect(shop.skus).toEqual(['BAD']);
    await api.ok('POST', `/v1/queues/${queue}/resume`);
    await shop.untilDelivered('B');
  });
});

describe('an operator deals with a failed item', () => {
  test('retry: it runs before everything behind it', async () => {
    const { shop, queue, ids } = await blockedShop('BAD', 'B', 'C');
    shop.refuse();
    expect(await act(ids[0], 'retry')).toMatchObject({
      status: 200,
      body: { queueId: ids[0], queue },
    });
    await shop.untilDelivered('C');
    expect(shop.skus).toEqual(['BAD', 'BAD', 'B', 'C']);
    expect(shop.deliveries.map(({ body }) => body.attempt)).toEqual([1, 2, 1, 1]);
    const item = await api.untilState(ids[0], 'completed');
    expect(item).toMatchObject({
      attempts: 2,
      error: null,
      outcome: { result: null },
      history: [{ action: 'block' }, { action: 'retry', actor: me, at: expect.any(String) }],
    });
  });

  test('skip: it is left undone, with who, when and why', async () => {
    const { shop, queue, ids } = await blockedShop('BAD', 'B');
    const answer = await act(ids[0], 'skip', { reason: 'discontinued' });
    const outcome = { by: me, at: expect.any(String), reason: 'discontinued' };
    expect(answer).toMatchObject({
      status: 200,
      body: { queueId: ids[0], state: 'skipped', outcome, skippedIds: [ids[0]] },
    });
    await shop.untilDelivered('B');
    expect(shop.skus).toEqual(['BAD', 'B']);
    expect(await api.item(ids[0])).toMatchObject({
      state: 'skipped',
      outcome,
      error: { message: 'BAD has no price' },
      history: [{ action: 'block' }, { action: 'skip', actor: me, reason: 'discontinued' }],
    });
    await api.untilState(ids[1], 'completed');
    expect((await queueOf(queue)).counts).toMatchObject({ skipped: 1, completed: 1, failed: 0 });
  });

  test('resolve: it was put right by hand, under a reference', async () => {
    const { shop, ids } = await blockedShop('BAD', 'B');
    const answer = await act(ids[0], 'resolve', { reference: 'SHOP-77', reason: 'typed in' });
    const outcome = { by: me, at: expect.any(String), reason: 'typed in', reference: 'SHOP-77' };
    expect(answer).toMatchObject({ status: 200, body: { state: 'resolved', outcome } });
    await shop.untilDelivered('B');
    expect(shop.skus).toEqual(['BAD', 'B']);
    expect((await api.item(ids[0])).history[1]).toMatchObject({
      action: 'resolve',
      reference: 'SHOP-77',
    });
  });

  test('edit: a retry sends the new data; the old stays in the history', async () => {
    const { shop, ids } = await blockedShop('BAD', 'B');
    const data = { sku: 'GOOD', title: 'Better', price: 1.5 };
    const edited = await api.ok('PATCH', `/v1/items/${ids[0]}`, { data });
    expect(edited).toMatchObject({
      state: 'failed',
      data,
      title: 'Better',
      entity: { kind: 'sku', key: 'GOOD' },
      history: [
        { action: 'block' },
        { action: 'edit', actor: me, before: { sku: 'BAD', title: 'BAD' } },
      ],
    });
    expect(idsOf(await search('entity=sku:GOOD'))).toContain(ids[0]);
    expect(await search(`entity=sku:BAD&queue=${edited.queue}`)).toEqual([]);
    await act(ids[0], 'retry');
    await shop.untilDelivered('B');
    expect(shop.skus).toEqual(['BAD', 'GOOD', 'B']);
    expect(shop.deliveries[1]?.body.data).toEqual(data);
  });

  test('edit: a title and entity that came with the item stay', async () => {
    const { channel, queue } = await freshShop();
    await api.ok('POST', `/v1/queues/${queue}/pause`);
    const given = { title: 'Mine', entity: { kind: 'style', key: 'S1' } };
    const [id] = await enqueue(product(channel, 'A', given));
    expect(
      await api.ok('PATCH', `/v1/items/${id}`, { data: { sku: 'B', title: 'B' } }),
    ).toMatchObject(given);
  });

  test('a failed item of the parallel queue blocks nobody and can be retried', async () => {
    const erp = await FarSide.start();
    await api.put('source', 'erp-1', erp.url);
    erp.answer = ({ body }) => ({ status: body.data['orderNumber'] === '1' ? 422 : 200 });
    const order = (orderNumber: string) => ({
      instruction: 'add_order',
      source: 'erp-1',
      data: { orderNumber },
    });
    const [bad, good] = await enqueue(order('1'), order('2'));
    await api.untilState(good, 'completed');
    expect(await api.item(bad ?? 0)).toMatchObject({
      state: 'failed',
      history: [{ action: 'fail' }],
    });
    expect(await queueOf('parallel')).toMatchObject({
      state: 'running',
      blocked: false,
      kind: 'parallel',
    });
    erp.answer = () => ({ status: 200 });
    await act(bad ?? 0, 'retry');
    await api.untilState(bad, 'completed');
  });

  test('an item that waits for its next try holds the queue; a retry runs it now', async () => {
    const { shop, channel, queue } = await freshShop();
    shop.answer = () => ({ status: 500 });
    const [id] = await api.add(channel, 'A', 'B');
    await api.untilState(id, 'backing-off');
    const shown = await queueOf(queue);
    expect(shown).toMatchObject({
      state: 'running',
      counts: { backingOff: 1, waiting: 1, failed: 0 },
    });
    expect(Date.parse(String(shown['nextAttemptAt']))).toBeGreaterThan(Date.now());
    shop.answer = () => ({ status: 200 });
    await act(id ?? 0, 'retry');
    await shop.untilDelivered('B');
    expect(shop.skus).toEqual(['A', 'A', 'B']);
  });

  test('a queue whose far side is down is held, and says until when', async () => {
    const { shop, channel, queue } = await freshShop();
    shop.answer = () => ({ status: 503 });
    const [id] = await api.add(channel, 'A', 'B');
    await api.untilState(id, 'backing-off');
    const shown = await queueOf(queue);
    expect(shown).toMatchObject({ state: 'held', blocked: false, paused: false });
    expect(Date.parse(String(shown['heldUntil']))).toBeGreaterThan(Date.now());
    expect(shop.skus).toEqual(['A']);
  });
});

describe('what does not fit the present state is answered 409 with that state', () => {
  test.each(['retry', 'skip', 'resolve'])('%s of items that have not failed', async (verb) => {
    const { shop, channel, queue } = await freshShop();
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const [done = 0] = await api.add(channel, 'A');
    await api.untilState(done, 'completed');
    shop.answer = async () => {
      await released;
      return { status: 200 };
    };
    const [active = 0, waiting = 0] = await api.add(channel, 'B', 'C');
    await api.untilState(active, 'active');
    for (const [id, state] of [
      [done, 'completed'],
      [active, 'active'],
      [waiting, 'waiting'],
    ] as const) {
      const answer = await act(id, verb);
      expect(answer).toMatchObject({
        status: 409,
        body: { type: '/problems/conflict', state },
      });
      expect(answer.body.detail).toContain(`item ${id} is ${state}`);
    }
    expect(
      await api.call('PATCH', `/v1/items/${active}`, { body: { data: { sku: 'X', title: 'X' } } }),
    ).toMatchObject({
      status: 409,
      body: { state: 'active' },
    });
    release();
    await api.untilState(waiting, 'completed');
    expect((await queueOf(queue)).counts).toMatchObject({ completed: 3, skipped: 0, resolved: 0 });
  });

  test('two operators at once: one succeeds, the other is told', async () => {
    const { ids } = await blockedShop('BAD', 'B');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => act(ids[0], 'skip', { reason: 'gone' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.state).toBe('skipped');
  });

  test('pause twice, resume of a running queue', async () => {
    const { queue } = await freshShop();
    const verb = (name: string, body?: object) =>
      api.call('POST', `/v1/queues/${queue}/${name}`, { body });
    expect(await verb('resume')).toMatchObject({ status: 409, body: { state: 'running' } });
    expect(await verb('pause', { reason: 'stocktaking' })).toMatchObject({
      status: 200,
      body: {
        name: queue,
        state: 'paused',
        paused: true,
        pausedBy: { actor: me, reason: 'stocktaking' },
      },
    });
    expect(await verb('pause')).toMatchObject({ status: 409, body: { state: 'paused' } });
    expect(await verb('resume')).toMatchObject({
      status: 200,
      body: { state: 'running', paused: false },
    });
  });

  test('an item that there is not', async () => {
    for (const verb of ['retry', 'skip', 'resolve'])
      expect((await act(999_999, verb)).status).toBe(404);
  });
});

describe('a paused queue', () => {
  test('delivers nothing until it is resumed, then everything in order', async () => {
    const { shop, channel, queue } = await freshShop();
    await api.ok('POST', `/v1/queues/${queue}/pause`);
    const ids = await api.add(channel, 'A', 'B', 'C');
    const other = await freshShop();
    await api.add(other.channel, 'X');
    await other.shop.untilDelivered('X');
    expect(shop.skus).toEqual([]);
    await api.ok('POST', `/v1/queues/${queue}/resume`);
    await api.untilState(ids[2], 'completed');
    expect(shop.skus).toEqual(['A', 'B', 'C']);
  });

  test('clear: everything that waits is skipped, with the reason; the failed head stays', async () => {
    const { shop, queue, ids } = await blockedShop('BAD', 'B', 'C');
    const answer = await api.ok('POST', `/v1/queues/${queue}/clear`, {
      reason: 'imported the wrong file',
    });
    expect(answer).toMatchObject({
      name: queue,
      cleared: 2,
      state: 'blocked',
      blockedBy: { queueId: ids[0] },
      counts: { waiting: 0, failed: 1, skipped: 2 },
    });
    expect(await api.item(ids[2])).toMatchObject({
      state: 'skipped',
      outcome: { by: me, reason: 'imported the wrong file' },
      history: [{ action: 'skip', actor: me, reason: 'imported the wrong file' }],
    });
    await act(ids[0], 'skip', { reason: 'gone' });
    expect(shop.skus).toEqual(['BAD']);
  });
});

describe('a skip that leaves two systems apart demands a reason', () => {
  test.each(['add_product', 'delete_product', 'clear_channel'])('%s', async (instruction) => {
    const { shop, channel } = await freshShop();
    shop.answer = () => ({ status: 422 });
    const [id = 0] = await enqueue({ instruction, channel, data: { sku: 'X', title: 'X' } });
    await api.untilState(id, 'failed');
    for (const body of [undefined, {}, { reason: '   ' }, { scope: 'entity' }])
      expect(await act(id, 'skip', body)).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/reason' }] },
      });
    expect(await api.item(id)).toMatchObject({ state: 'failed', history: [{ action: 'block' }] });
    expect((await act(id, 'skip', { reason: 'not sold' })).status).toBe(200);
  });

  test('add_order', async () => {
    const erp = await FarSide.start();
    await api.put('source', 'erp-9', erp.url);
    erp.answer = () => ({ status: 422 });
    const [id = 0] = await enqueue({
      instruction: 'add_order',
      source: 'erp-9',
      data: { orderNumber: '9' },
    });
    await api.untilState(id, 'failed');
    expect((await act(id, 'skip')).status).toBe(422);
    expect((await api.item(id)).state).toBe('failed');
    expect((await act(id, 'skip', { reason: 'a test order' })).status).toBe(200);
  });

  test('an update needs none, unless its scope takes a queued add or delete along', async () => {
    const { shop, channel } = await freshShop();
    shop.refuse('X');
    const gone = { instruction: 'delete_product', channel, data: { sku: 'X' } };
    const [failed = 0, deleted = 0] = await enqueue(update(channel, 'X'), gone);
    await api.untilState(failed, 'failed');
    const preview = await act(failed, 'skip', { scope: 'entity', dryRun: true });
    expect(preview.body).toMatchObject({ dryRun: true, needsReason: true });
    const refused = await act(failed, 'skip', { scope: 'entity' });
    expect(refused.status).toBe(422);
    expect(refused.body.detail).toContain(`takes item ${deleted} (delete_product) along`);
    expect((await api.item(failed)).state).toBe('failed');
    expect((await api.item(deleted)).state).toBe('waiting');
    expect((await act(failed, 'skip')).status).toBe(200);
  });
});

describe('a skip reaches as far as it is told', () => {
  test('entity: also everything queued for the same SKU in that queue', async () => {
    const { shop, channel } = await freshShop();
    const other = await freshShop();
    await api.ok('POST', `/v1/queues/channel.${other.channel}/pause`);
    shop.refuse('X');
    const [failed = 0, x1 = 0, y = 0, x2 = 0, elsewhere = 0] = await enqueue(
      update(channel, 'X'),
      update(channel, 'X'),
      update(channel, 'Y'),
      product(channel, 'X'),
      update(other.channel, 'X'),
    );
    await api.untilState(failed, 'failed');
    const { body } = await act(failed, 'skip', { scope: 'entity', reason: 'gone' });
    expect(body['skippedIds']).toEqual([failed, x1, x2]);
    await api.untilState(y, 'completed');
    expect(shop.skus).toEqual(['X', 'Y']);
    for (const id of [failed, x1, x2])
      expect(await api.item(id)).toMatchObject({
        state: 'skipped',
        outcome: { by: me, reason: 'gone' },
      });
    expect((await api.item(elsewhere)).state).toBe('waiting');
    shop.refuse();
    const [next] = await enqueue(update(channel, 'X'));
    await api.untilState(next, 'completed');
  });

  test('entity-until-add: its updates go on being skipped until the next add comes', async () => {
    const { shop, channel } = await freshShop();
    shop.refuse('X');
    const [failed = 0, x = 0] = await enqueue(update(channel, 'X'), update(channel, 'X'));
    await api.untilState(failed, 'failed');
    const { body } = await act(failed, 'skip', {
      scope: 'entity-until-add',
      reason: 'not there yet',
    });
    expect(body['skippedIds']).toEqual([failed, x]);
    shop.refuse();
    const later = await api.ok('POST', '/v1/items', update(channel, 'X'));
    expect(later.state).toBe('skipped');
    expect(await api.item(later.queueId)).toMatchObject({
      state: 'skipped',
      outcome: { by: me, reason: 'not there yet' },
      history: [{ action: 'skip', actor: me }],
    });
    const [other] = await enqueue(update(channel, 'Y'));
    await api.untilState(other, 'completed');
    const [, , last] = await enqueue(
      update(channel, 'X'),
      product(channel, 'X'),
      update(channel, 'X'),
    );
    await api.untilState(last, 'completed');
    expect(shop.skus).toEqual(['X', 'Y', 'X', 'X']);
  });

  test('entity-until-add: an add that waits already is where it ends', async () => {
    const { shop, channel } = await freshShop();
    shop.refuse('X');
    const [failed = 0, x = 0, add, after] = await enqueue(
      update(channel, 'X'),
      update(channel, 'X'),
      product(channel, 'X'),
      update(channel, 'X'),
    );
    await api.untilState(failed, 'failed');
    shop.refuse();
    const { body } = await act(failed, 'skip', { scope: 'entity-until-add' });
    expect(body['skippedIds']).toEqual([failed, x]);
    await api.untilState(add, 'completed');
    await api.untilState(after, 'completed');
    expect((await api.ok('POST', '/v1/items', update(channel, 'X'))).state).toBe('waiting');
  });

  test('entity-until-add: a date ends it too', async () => {
    const { shop, channel } = await freshShop();
    shop.refuse('X');
    const [failed = 0] = await enqueue(update(channel, 'X'));
    await api.untilState(failed, 'failed');
    const end = Date.now() + 400;
    await act(failed, 'skip', { scope: 'entity-until-add', until: new Date(end).toISOString() });
    expect((await api.ok('POST', '/v1/items', update(channel, 'X'))).state).toBe('skipped');
    await until('updates to be accepted again', async () => {
      const { state } = await api.ok('POST', '/v1/items', update(channel, 'X'));
      return state === 'waiting';
    });
    expect(Date.now()).toBeGreaterThanOrEqual(end - 50);
  });
});

describe('in bulk', () => {
  /** Five queues blocked by one fault, and one by another. */
  async function sixBlocked() {
    const shop = await FarSide.start();
    const client = `bulk-${++made}`;
    shop.answer = ({ body }) => ({
      status: 422,
      body: {
        detail: body.data['sku'] === 'OTHER' ? 'unknown size' : 'The access token is invalid',
      },
    });
    const ids: number[] = [];
    for (let n = 0; n < 6; n++) {
      const channel = `${client}-${n}`;
      await api.put('channel', channel, shop.url, { client });
      ids.push(...(await api.add(channel, n === 5 ? 'OTHER' : `A${n}`)));
    }
    for (const id of ids) await api.untilState(id, 'failed');
    const same = ids.slice(0, 5);
    return { shop, client, ids, same, filter: { client, error: 'access TOKEN' } };
  }

  test('dryRun says what would be done and does nothing', async () => {
    const { filter, same, ids } = await sixBlocked();
    for (const verb of ['retry', 'skip']) {
      const answer = await api.ok('POST', `/v1/items/${verb}`, { ...filter, dryRun: true });
      expect(answer).toMatchObject({ dryRun: true, matched: 5, remaining: 0 });
      expect(idsOf(answer.items)).toEqual(same);
    }
    for (const id of ids)
      expect(await api.item(id)).toMatchObject({ state: 'failed', history: [{}] });
  });

  test('canary: the oldest few first, then the rest', async () => {
    const { shop, filter, same, ids } = await sixBlocked();
    shop.answer = () => ({ status: 200 });
    const first = await api.ok('POST', '/v1/items/retry', { ...filter, canary: 2 });
    expect(first).toMatchObject({ dryRun: false, matched: 5, remaining: 3 });
    expect(idsOf(first.items)).toEqual(same.slice(0, 2));
    for (const id of same.slice(0, 2)) await api.untilState(id, 'completed');
    for (const id of ids.slice(2)) expect((await api.item(id)).state).toBe('failed');
    const rest = await api.ok('POST', '/v1/items/retry', filter);
    expect(rest).toMatchObject({ matched: 3, remaining: 0 });
    for (const id of same) await api.untilState(id, 'completed');
    expect((await api.item(ids[5] ?? 0)).state).toBe('failed');
  });

  test('skip, with one reason for all', async () => {
    const { filter, same, ids, client } = await sixBlocked();
    const answer = await api.ok('POST', '/v1/items/skip', { ...filter, reason: 'season over' });
    expect(answer.items.map(({ queueId, state }) => [queueId, state])).toEqual(
      same.map((id) => [id, 'skipped']),
    );
    for (const id of same)
      expect(await api.item(id)).toMatchObject({ outcome: { by: me, reason: 'season over' } });
    expect(idsOf(await search(`client=${client}&state=failed`))).toEqual([ids[5]]);
  });

  test('skip of adds without a reason is refused before the first is touched', async () => {
    const { filter, ids } = await sixBlocked();
    expect(await api.call('POST', '/v1/items/skip', { body: filter })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/reason', detail: expect.stringContaining('is needed') }] },
    });
    for (const id of ids) expect((await api.item(id)).state).toBe('failed');
  });

  test('retry on the parallel queue runs the oldest first', async () => {
    const erp = await FarSide.start();
    await api.put('source', 'erp-2', erp.url);
    erp.answer = () => ({ status: 422 });
    const numbers = ['1', '2', '3', '4', '5'];
    const ids = await enqueue(
      ...numbers.map((orderNumber) => ({
        instruction: 'add_order',
        source: 'erp-2',
        data: { orderNumber },
      })),
    );
    for (const id of ids) await api.untilState(id, 'failed');
    await api.ok('POST', '/v1/queues/parallel/pause');
    erp.answer = () => ({ status: 200 });
    erp.deliveries.length = 0;
    await api.ok('POST', '/v1/items/retry', { queue: 'parallel', instruction: 'add_order' });
    await api.ok('POST', '/v1/queues/parallel/resume');
    for (const id of ids) await api.untilState(id, 'completed');
    expect(erp.deliveries.map(({ body }) => body.data['orderNumber'])).toEqual(numbers);
  });
});

describe('search', () => {
  test('finds by each filter, and by several together', async () => {
    const { queue, ids, channel } = await blockedShop('FIND-ME', 'BESIDE', 'LAST');
    await api.put('channel', `${channel}-c`, undefined, { client: 'searched' });
    await api.ok('POST', `/v1/queues/channel.${channel}-c/pause`);
    const [own = 0] = await enqueue({ instruction: 'init_channel', channel: `${channel}-c` });
    const failed = await api.item(ids[0]);
    const found = async (query: string) => idsOf(await search(query));
    expect(await found(`queue=${queue}`)).toEqual([...ids].reverse());
    expect(await found(`queue=${queue}&state=waiting`)).toEqual([ids[2], ids[1]]);
    expect(await found(`queue=${queue}&state=failed`)).toEqual([ids[0]]);
    expect(await found('entity=sku:FIND-ME')).toEqual([ids[0]]);
    expect(await found('client=searched')).toEqual([own]);
    expect(await found('instruction=init_channel&client=searched')).toEqual([own]);
    expect(await found('instruction=add_order&client=searched')).toEqual([]);
    expect(await found('error=find-me%20HAS%20no')).toEqual([ids[0]]);
    expect(await found(`cause=data&queue=${queue}`)).toEqual([ids[0]]);
    expect(await found(`cause=connection&queue=${queue}`)).toEqual([]);
    expect(await found(`error=no%20price&state=waiting&queue=${queue}`)).toEqual([]);
    const since = String(failed['enqueuedAt']);
    expect(await found(`since=${since}&queue=${queue}`)).toEqual([...ids].reverse());
    const inCapeTown = new Date(Date.parse(since) + 2 * 3_600_000)
      .toISOString()
      .replace('Z', '%2B02:00');
    expect(await found(`since=${inCapeTown}&queue=${queue}`)).toEqual([...ids].reverse());
    expect(await found(`since=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
    await act(ids[0], 'skip', { reason: 'gone' });
    expect(await found(`state=skipped&entity=sku:FIND-ME`)).toEqual([ids[0]]);
    await api.untilState(ids[2], 'completed');
    expect(await found(`state=completed&queue=${queue}`)).toEqual([ids[2], ids[1]]);
  });

  test('pages over 250 items without gap or double, while more arrive', async () => {
    const { channel, queue } = await freshShop();
    await api.ok('POST', `/v1/queues/${queue}/pause`);
    const ids = await api.add(channel, ...Array.from({ length: 250 }, (_, n) => `P${n}`));
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const at: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await api.ok('GET', `/v1/items?queue=${queue}&limit=40${at}`);
      expect(page.items.length).toBeLessThanOrEqual(40);
      seen.push(...idsOf(page.items));
      cursor = page.nextCursor;
      await api.add(channel, 'LATE');
    } while (cursor !== null);
    expect(seen).toEqual([...ids].reverse());
  });

  test('pages over channels and queues too, also when the one at the cursor is gone', async () => {
    for (let n = 1; n <= 12; n++) await api.put('channel', `zz-${n}`);
    const first = await api.ok('GET', '/v1/channels?limit=200');
    const all = first.items.map(({ id }) => id);
    expect(all.slice(-12)).toEqual(Array.from({ length: 12 }, (_, n) => `zz-${n + 1}`));
    const half = await api.ok('GET', `/v1/channels?limit=${all.length - 6}`);
    expect(half.nextCursor).toBe('zz-6');
    await api.ok('DELETE', '/v1/channels/zz-6');
    const rest = await api.ok('GET', '/v1/channels?limit=200&cursor=zz-6');
    expect(rest.items.map(({ id }) => id)).toEqual([
      'zz-7',
      'zz-8',
      'zz-9',
      'zz-10',
      'zz-11',
      'zz-12',
    ]);
    expect(rest.nextCursor).toBeNull();
    const queues: string[] = [];
    let cursor: string | null = null;
    do {
      const at: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await api.ok('GET', `/v1/queues?limit=7${at}`);
      queues.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(new Set(queues).size).toBe(queues.length);
    expect(queues).toEqual(expect.arrayContaining(['channel.zz-12', 'source.erp-2', 'parallel']));
  });
});

describe('the whole at a glance', () => {
  test('summary: per client and queue what waits, failed and is blocked', async () => {
    const { queue, ids } = await blockedShop('BAD', 'B', 'C');
    const { items, totals } = await api.ok('GET', '/v1/summary');
    expect(items.find((line) => line.queue === queue)).toEqual({
      client: null,
      queue,
      description: queue.replace('.', ' '),
      state: 'blocked',
      waiting: 2,
      failed: 1,
      blocked: true,
      cause: 'data',
      overdue: false,
      oldestWaitingAt: (await api.item(ids[1]))['enqueuedAt'],
    });
    const sum = (field: string) => items.reduce((total, line) => total + Number(line[field]), 0);
    expect(totals).toMatchObject({
      queues: items.length,
      waiting: sum('waiting'),
      failed: sum('failed'),
      blocked: sum('blocked'),
    });
  });

  test('audit: who did what, newest first, page by page', async () => {
    const { queue, ids } = await blockedShop('BAD', 'B');
    const { key, id } = await api.ok('POST', '/v1/keys', { scopes: ['operate'] });
    await api.ok('POST', `/v1/queues/${queue}/pause`, { reason: 'lunch' }, key);
    await api.ok('POST', `/v1/queues/${queue}/resume`, undefined, key);
    await api.ok('POST', `/v1/items/${ids[0]}/resolve`, { reference: 'R-1' }, key);
    const { items } = await api.ok('GET', '/v1/audit?limit=200');
    const mine = items.filter((line) => line.queue === queue);
    const actor = `key ${id}`;
    expect(mine).toMatchObject([
      {
        action: 'resolve',
        actor,
        queue,
        queueId: ids[0],
        reference: 'R-1',
        at: expect.any(String),
      },
      { action: 'resume', actor, queue, queueId: null },
      { action: 'pause', actor, queue, queueId: null, reason: 'lunch' },
      { action: 'block', actor: 'the fleet', queue, queueId: ids[0], reason: 'BAD has no price' },
    ]);
    expect(items).toContainEqual(expect.objectContaining({ action: 'create', actor: me, key: id }));
    const paged: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await api.ok(
        'GET',
        `/v1/audit?limit=7${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      paged.push(...page.items.map((line) => line.id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(paged.slice(0, items.length)).toEqual(items.map((line) => line.id));
    expect(new Set(paged).size).toBe(paged.length);
  });

  test('items are described in the words of their channel or source, and link to the record', async () => {
    const { channel, shop } = await freshShop({
      recordUrl: 'https://shop.example/p/{sku}?k={key}',
    });
    await api.put('channel', channel, shop.url, {
      description: 'Cape Shopify',
      recordUrl: 'https://shop.example/p/{sku}?k={key}',
    });
    await api.put('source', 'acc', undefined, {
      description: 'Cape Accounts',
      recordUrl: 'https://erp.example/{orderNumber}',
    });
    await api.ok('POST', `/v1/queues/parallel/pause`);
    const [add = 0, init = 0, order = 0] = await enqueue(
      product(channel, 'A/B 1'),
      { instruction: 'init_channel', channel },
      { instruction: 'add_order', source: 'acc', channel, data: { orderNumber: 1001 } },
    );
    expect(await api.item(add)).toMatchObject({
      description: 'Add product to Cape Shopify',
      recordUrl: 'https://shop.example/p/A%2FB%201?k=A%2FB%201',
    });
    expect(await api.item(init)).toMatchObject({
      description: 'Init channel Cape Shopify',
      recordUrl: null,
    });
    expect(await api.item(order)).toMatchObject({
      description: 'Create order at Cape Accounts',
      recordUrl: 'https://erp.example/1001',
      entity: { kind: 'order', key: '1001' },
      title: '1001',
    });
    await shop.untilDelivered('A/B 1');
    expect(shop.deliveries[0]?.body.description).toBe('Add product to Cape Shopify');
    await api.ok('POST', `/v1/queues/parallel/resume`);
  });
});
