import { beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from '../support/api.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
let api: Api;
beforeAll(async () => {
  api = await Api.start(redis, {
    roles: ['api', 'worker'],
    config: 'test/support/modules.yaml',
  });
});

const put = (id: string, more: object = {}) =>
  api.ok('PUT', `/v1/channels/${id}`, {
    description: `Shop ${id}`,
    connector: { type: 'module', path: 'tricks.js', ...more },
  });

const add = async (channel: string, ...tricks: string[]) => {
  const items = tricks.map((title, n) => ({
    instruction: 'add_product',
    channel,
    data: { sku: `${title}-${n}`, title },
  }));
  return (await api.ok('POST', '/v1/items/batch', { items })).items.map((one) => one.queueId);
};

describe('a channel whose connector is a module of the user', () => {
  it('has its items carried out in order, with results and logs', async () => {
    await put('order');
    const ids = await add('order', 'count', 'count', 'count');
    await api.untilState(ids[2], 'completed');
    const results = await Promise.all(ids.map(async (id) => (await api.item(id))['outcome']));
    expect(results).toMatchObject([{ result: 1 }, { result: 2 }, { result: 3 }]);
  });

  it('blocks when the module throws, and runs on after a retry or skip', async () => {
    await put('thrower');
    const [bad, next] = await add('thrower', 'bug', 'ok');
    const item = await api.untilState(bad, 'failed');
    expect(item['error']).toMatchObject({ cause: 'bug' });
    expect(await api.item(next!)).toMatchObject({ state: 'waiting' });
    await api.ok('POST', `/v1/items/${bad}/skip`, { reason: 'a mistake in the module' });
    await api.untilState(next, 'completed');
  });

  it('never delays another queue, though it blocks its event loop until its thread is ended', async () => {
    await put('spinner', { timeoutMs: 3_000 });
    await put('beside');
    const [spins] = await add('spinner', 'spin');
    await api.untilState(spins, 'active');
    const beside = await add('beside', ...Array.from({ length: 50 }, () => 'ok'));
    await api.untilState(beside.at(-1), 'completed');
    expect(await api.item(spins!)).toMatchObject({ state: 'active' });
  });

  it('keeps its secrets: no answer of the API shows them, whatever the module says', async () => {
    const token = 'tok-5f2d9c';
    const shown = await put('safe', { secrets: { token } });
    const [done] = await add('safe', 'secrets');
    const item = await api.untilState(done, 'completed');
    const endpoint = await api.ok('GET', '/v1/channels/safe');
    expect(JSON.stringify([shown, endpoint, item])).not.toContain(token);
    expect(JSON.stringify(item)).toContain('[secret]');
  });

  it('forgets them when it is given another module', async () => {
    await put('moved', { secrets: { token: 'tok-5f2d9c' } });
    await put('moved', { path: './modules/tricks.js' });
    const [looks] = await add('moved', 'secrets');
    const item = await api.untilState(looks, 'failed');
    expect(item['error']).toMatchObject({ cause: 'bug' });
  });

  it.each(['../tricks.js', '/etc/x.js', 'nobody.js'])('%s: 422 that points at it', async (path) => {
    const answer = await api.call('PUT', '/v1/channels/bad', {
      body: { description: 'bad', connector: { type: 'module', path } },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toMatchObject([{ pointer: '/connector/path' }]);
  });
});
