import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { Caller } from '../../src/accounts/caller.js';
import { FleetSwitch } from '../../src/blocking/fleet-switch.js';
import { verbs } from '../../src/board/verbs.js';
import { Presence } from '../../src/redis/presence.js';
import { noLimits, TestBoard } from '../support/board.js';
import { accept, blockedByA, done, fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();

const { appRoutes } = createRequire(import.meta.url)('@bull-board/api/dist/routes.js');
const { buildHistoryRoutes } = createRequire(import.meta.url)('@bull-board/api/dist/routes.js');

interface BoardRoute {
  readonly method: string | string[];
  readonly route: string | string[];
}
const writing = (appRoutes.api as BoardRoute[]).flatMap(({ method, route }) =>
  [method]
    .flat()
    .filter((one) => one !== 'get')
    .flatMap((one) => [route].flat().map((path) => `${one} ${path}`)),
);

/** The one queue of `blockedByA`, as it stands in the board's addresses. */
const Q = encodeURIComponent('Channels › channel 12 (12)');

describe('every writing route of the installed Bull Board', () => {
  test('has an answer of ours', () => {
    expect(writing.length).toBeGreaterThan(20);
    expect(verbs.map(({ method, route }) => `${method} ${route}`).sort()).toEqual(writing.sort());
    expect(typeof buildHistoryRoutes).toBe('function'); // needs a provider, which we give none
  });

  test.each(verbs.map((verb) => [`${verb.method} ${verb.route}`, verb] as const))(
    '%s starts nothing behind the failed item, and refusals are told in a sentence',
    async (_, verb) => {
      const { line, a } = await blockedByA(redis);
      const board = await TestBoard.open(line);
      const path = verb.route
        .replace(':queueName', Q)
        .replace(':jobId', String(a!.queueId + 1)) // the item behind it
        .replace(':queueStatus', 'completed')
        .replace(':schedulerId', 'x');
      const { status, body } = await board.call(verb.method.toUpperCase(), path, {
        name: 'add_product',
        data: { sku: 'z' },
        options: { lifo: true },
        jobData: {},
        concurrency: 9,
        priority: 1,
        force: true,
      });
      if (verb.refusal) {
        expect(status).toBe(403);
        expect(String(body['message'])).toMatch(/^[A-Z].*\.$/);
      }
      expect(line.started).toEqual(['a']);
      expect(await line.status('channel.12')).toMatchObject({
        blocked: true,
        counts: { waiting: 1, failed: 1 },
      });
    },
  );

  test('one that we do not know is refused', async () => {
    const { line } = await blockedByA(redis);
    const board = await TestBoard.open(line);
    for (const method of ['PUT', 'POST', 'PATCH', 'DELETE']) {
      const { status, body } = await board.call(method, `/api/queues/${Q}/brand-new`);
      expect([status, body['message']]).toEqual([403, expect.stringContaining('does not know')]);
    }
  });

  test('is closed to somebody who may only look', async () => {
    const { line, a } = await blockedByA(redis);
    const board = await TestBoard.open(line, { scopes: ['read'] });
    for (const verb of ['retry', 'clean'])
      expect((await board.call('PUT', `/api/queues/${Q}/${a!.queueId}/${verb}`)).status).toBe(403);
    expect((await board.call('PUT', '/api/queues/pause')).status).toBe(403);
    expect((await board.queues()).every((queue) => queue.readOnlyMode)).toBe(true);
    expect((await line.status('channel.12')).blocked).toBe(true);
  });
});

describe('the verbs', () => {
  test('Retry runs the failed item before everything behind it', async () => {
    const { line, a } = await blockedByA(redis);
    const board = await TestBoard.open(line);
    line.script = () => done;
    expect((await board.call('PUT', `/api/queues/${Q}/${a!.queueId}/retry`)).status).toBe(200);
    await line.untilStarted(3);
    expect(line.started).toEqual(['a', 'a', 'b']);
    expect((await line.item(a!.queueId)).history).toMatchObject([
      {},
      { action: 'retry', actor: 'Thandi' },
    ]);
  });

  test('four racing clicks on Retry run it once; the others are told so', async () => {
    const { line, a } = await blockedByA(redis);
    const board = await TestBoard.open(line);
    const clicks = await Promise.all(
      [1, 2, 3, 4].map(() => board.call('PUT', `/api/queues/${Q}/${a!.queueId}/retry`)),
    );
    const won = clicks.filter(({ status }) => status === 200).length;
    expect(won).toBeGreaterThanOrEqual(1);
    for (const { status } of clicks) expect([200, 409]).toContain(status);
    await line.untilStarted(1 + won);
    expect(line.started.every((title) => title === 'a')).toBe(true);
  });

  test('the bin skips no add: its dialog cannot ask why, so it says where that can be done', async () => {
    const { line, a } = await blockedByA(redis);
    const board = await TestBoard.open(line);
    const answer = await board.call('PUT', `/api/queues/${Q}/${a!.queueId}/clean`);
    expect(answer.status).toBe(409);
    expect(answer.body['message']).toContain(`/items/${a!.queueId}/skip`);
    expect((await line.item(a!.queueId)).state).toBe('failed');
  });

  test('the bin skips: the queue goes on, who did it is on record, and it is no completed item', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ data }) => (data['title'] === 'a' ? fail : done);
    const [a] = await line.enqueuer.enqueue([
      accept('update_product', { channel: '12' }, { sku: 'a', title: 'a' }),
      accept('add_product', { channel: '12' }, { sku: 'b', title: 'b' }),
    ]);
    await line.startFleet();
    await line.untilState(a!.queueId, 'failed');
    const board = await TestBoard.open(line);
    await board.call('PUT', `/api/queues/${Q}/${a!.queueId}/clean`);
    await line.untilStarted(2);
    expect(await line.item(a!.queueId)).toMatchObject({
      state: 'skipped',
      outcome: { by: 'Thandi', reason: 'skipped on Bull Board' },
    });
    await line.untilState(a!.queueId + 1, 'completed');
    const [queue] = await board.queues(`&activeQueue=${Q}&status=completed`);
    expect(queue?.jobs.map(({ name }) => name).sort()).toEqual([
      'Add product to channel 12 · b',
      'Skipped: Update product on channel 12 · a',
    ]);
  });

  test('Resume of a blocked queue says which item blocks it', async () => {
    const { line, a } = await blockedByA(redis);
    const board = await TestBoard.open(line);
    const { status, body } = await board.call('PUT', `/api/queues/${Q}/resume`);
    expect(status).toBe(409);
    expect(body['message']).toContain(`blocked by item ${a!.queueId}: retry, skip or resolve it`);
  });

  test('Pause all and Resume all lift no block', async () => {
    const { line } = await blockedByA(redis);
    await line.put('channel', '13');
    const board = await TestBoard.open(line);
    await board.call('PUT', '/api/queues/pause');
    expect((await line.status('channel.13')).paused).toBe(true);
    await board.call('PUT', '/api/queues/resume');
    expect((await line.status('channel.13')).paused).toBe(false);
    expect(await line.status('channel.12')).toMatchObject({ blocked: true });
    expect(line.started).toEqual(['a']);
  });

  test('Pause all and Resume all end when who pressed them may act no more, and leave what that one no longer sees', async () => {
    const line = await new Line(redis).ready('12', '13');
    await line.put('channel', '14', null, { type: 'scripted' }, null, { client: 'acme' });
    const taken = [noLimits, noLimits].map((limits) => new Caller('Thandi', ['operate'], limits));
    const cut = await TestBoard.open(line, { anew: () => taken.pop() ?? null });
    const { status, body } = await cut.call('PUT', '/api/queues/pause');
    expect([status, body['message']]).toEqual([
      403,
      'you may not do this any more: 2 of 4 queues were reached, the rest is left',
    ]);
    const paused = async () => {
      const names = ['channel.12', 'channel.13', 'channel.14', 'parallel'];
      const all = await Promise.all(names.map((name) => line.status(name)));
      return all.filter((one) => one.paused).map(({ name }) => name);
    };
    expect(await paused()).toHaveLength(2);
    for (const name of await paused()) await line.transitions.resume(name, 'test');
    const less = new Caller('Thandi', ['operate'], { ...noLimits, clients: ['acme'] });
    const narrowed = await TestBoard.open(line, { anew: () => less });
    expect((await narrowed.call('PUT', '/api/queues/pause')).status).toBe(200);
    expect(await paused()).toEqual(['channel.14']);
  });

  test('Retry all keeps the order in which the items came', async () => {
    const line = await new Line(redis).ready();
    await line.put('source', 'erp');
    const board = await TestBoard.open(line);
    line.script = () => fail;
    await line.startFleet();
    const tickets = await line.enqueuer.enqueue(
      ['1', '2', '3'].map((orderNumber) => accept('add_order', { source: 'erp' }, { orderNumber })),
    );
    for (const { queueId } of tickets) await line.untilState(queueId, 'failed');
    await line.transitions.pause('parallel', 'test');
    const path = encodeURIComponent('Parallel › All non-blocking items');
    const { body } = await board.call('PUT', `/api/queues/${path}/retry/failed`);
    expect(body).toEqual({ retried: 3, skipped: 0 });
    const queue = (await board.queues(`&activeQueue=${path}&status=waiting`)).at(-1);
    expect(queue?.jobs.map(({ id }) => Number(id))).toEqual(tickets.map(({ queueId }) => queueId));
  });
});

describe('what is shown', () => {
  test('queues come and go with their channels, by group and name', async () => {
    const line = await new Line(redis).ready('12');
    await line.put('source', 'erp');
    const board = await TestBoard.open(line);
    const names = async () => (await board.queues()).map(({ name }) => name);
    expect(await names()).toEqual([
      'Channels › channel 12 (12)',
      'Sources › source erp (erp)',
      'Parallel › All non-blocking items',
    ]);
  });

  test('a blocked queue says which item, which error and since when', async () => {
    const { line, a } = await blockedByA(redis);
    const board = await TestBoard.open(line);
    const [queue] = await board.queues();
    expect(queue?.description).toMatch(
      new RegExp(
        `^Blocked since \\d\\d:\\d\\d UTC on \\d+ \\w+ by item ${a!.queueId} \\(a\\): the shop said no\\.`,
      ),
    );
    expect(queue?.counts).toMatchObject({ failed: 1, waiting: 1 });
  });

  test('no queue is said to have no workers while a worker runs, which has no connection for any', async () => {
    const line = await new Line(redis).ready('12');
    await line.put('channel', '13', null, undefined, null, { client: 'cape' });
    const limits = { ...noLimits, clients: ['cape'] };
    const board = await TestBoard.open(line, {}, [{ actor: 'Ann', limits }]);
    const has = async () => (await board.queues()).map(({ hasWorkers }) => hasWorkers);
    const presence = new Presence(line.redis, line.keys);
    const since = new Date(Date.now() - 60_000).toISOString();
    const card = { version: '1.2.3', host: 'shed', pid: 7, since };
    await presence.sign({ ...card, id: 'a', roles: ['api'] });
    expect(await has()).toEqual([false, false, false]);
    await presence.sign({ ...card, id: 'w', roles: ['worker'] });
    expect(await has()).toEqual([true, true, true]);
    const workers = async (who: TestBoard, queue: string) =>
      (await who.call('GET', `/api/queues/${queue}/workers`)).body['workers'];
    const shown = { id: 'w', name: 'Andon 1.2.3', age: expect.closeTo(60, -1) };
    expect(await workers(board, Q)).toEqual([{ ...shown, addr: 'shed, process 7' }]);
    const theirs = encodeURIComponent((await board.as('Ann').queues())[0]?.name ?? '');
    expect(await workers(board.as('Ann'), theirs)).toEqual([{ ...shown, addr: '' }]);
    await presence.leave('w');
    expect(await has()).toEqual([false, false, false]);
  });

  test('while the whole fleet is paused, every queue says so, by whom and why', async () => {
    const line = await new Line(redis).ready('12');
    const board = await TestBoard.open(line);
    const fleet = new FleetSwitch(line.redis, line.scripts, line.keys);
    await fleet.pause('Thandi', 'new server');
    expect(await board.queues()).toMatchObject([
      {
        displayName: 'channel 12 — fleet paused',
        description: expect.stringMatching(
          /^The whole fleet is paused by Thandi since .*: new server\./,
        ),
      },
      {},
    ]);
    await fleet.resume('Thandi');
    const [queue] = await board.queues();
    expect(queue).toMatchObject({ displayName: 'channel 12' });
    expect(queue).not.toHaveProperty('description');
  });

  test('what waits is listed in the order in which it will run', async () => {
    const line = await new Line(redis).ready('12');
    await line.add('12', 'a', 'b', 'c');
    const board = await TestBoard.open(line);
    const [queue] = await board.queues(`&activeQueue=${Q}&status=waiting`);
    expect(queue?.jobs.map(({ name }) => name)).toEqual([
      'Add product to channel 12 · a',
      'Add product to channel 12 · b',
      'Add product to channel 12 · c',
    ]);
  });

  test('an item that failed once and then succeeded is not drawn as failed', async () => {
    const { line, a } = await blockedByA(redis);
    line.script = () => done;
    await line.transitions.retry(await line.item(a!.queueId), 'test');
    await line.untilState(a!.queueId + 1, 'completed');
    const board = await TestBoard.open(line);
    const [queue] = await board.queues(`&activeQueue=${Q}&status=completed`);
    expect(queue?.jobs.map(({ isFailed }) => isFailed)).toEqual([false, false]);
  });

  test('an item that was put right by hand says so, and is no failure any more', async () => {
    const { line, a } = await blockedByA(redis);
    line.script = () => done;
    await line.transitions.resolve(await line.item(a!.queueId), { actor: 'test', reference: 'X1' });
    await line.untilState(a!.queueId + 1, 'completed');
    const board = await TestBoard.open(line);
    const [queue] = await board.queues(`&activeQueue=${Q}&status=completed`);
    expect(queue?.jobs.map(({ name, isFailed }) => [name, isFailed]).sort()).toEqual([
      ['Add product to channel 12 · b', false],
      ['Resolved by hand: Add product to channel 12 · a', false],
    ]);
  });

  test('throughput is counted by the minute', async () => {
    const line = await new Line(redis).ready('12');
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    await line.untilState(a!.queueId, 'completed');
    const board = await TestBoard.open(line);
    const { body } = await board.call('GET', `/api/queues/${Q}/metrics`);
    expect(body['completed']).toMatchObject({ meta: { count: 1 } });
  });

  test('a person of one client sees no queue of another, nor its items', async () => {
    const { line, a } = await blockedByA(redis);
    const limits = { clients: ['acme'], channels: null, sources: null };
    const board = await TestBoard.open(line, { limits });
    expect(await board.queues()).toEqual([]);
    for (const [method, path] of [
      ['GET', `/api/queues/${Q}/${a!.queueId}`],
      ['GET', `/api/queues/${Q}/${a!.queueId}/logs`],
      ['GET', `/api/queues/${Q}/metrics`],
      ['GET', `/items/${a!.queueId}`],
      ['GET', '/queues/channel.12'],
      ['PUT', `/api/queues/${Q}/${a!.queueId}/retry`],
      ['PUT', `/api/queues/${Q}/${a!.queueId}/clean`],
      ['PUT', `/api/queues/${Q}/pause`],
    ] as const)
      expect([path, (await board.call(method, path)).status]).toEqual([path, 404]);
    expect(line.started).toEqual(['a']);
  });

  test('an item bears a link to its record', async () => {
    const line = await new Line(redis).ready('12');
    const endpoint = await line.registry.get('channel', '12');
    await line.registry.put({ ...endpoint!, recordUrl: 'https://shop.example/p/{sku}' }, {});
    await line.add('12', 'a');
    const board = await TestBoard.open(line);
    const [queue] = await board.queues(`&activeQueue=${Q}&status=waiting`);
    expect(queue?.jobs[0]?.externalUrl?.href).toBe('https://shop.example/p/a');
  });

  test('links by queue id and by queue lead to its page', async () => {
    const { line, a } = await blockedByA(redis);
    const board = await TestBoard.open(line);
    const answer = await fetch(`${board.url}/items/${a!.queueId}`, { redirect: 'manual' });
    expect(answer.headers.get('location')).toBe(`/board/queue/${Q}/${a!.queueId}`);
  });
});
