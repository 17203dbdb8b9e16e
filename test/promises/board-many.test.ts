import { expect, test } from '@jest/globals';
import { Registry } from '../../src/queues/registry.js';
import { TestBoard } from '../support/board.js';
import { fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();

/** More than the browser could draw, so that only those that need a look are listed. */
const MANY = Array.from({ length: 205 }, (_, n) => `c${n}`);
const nameOf = (id: string) => `Channels › channel ${id} (${id})`;
const only = (client: string) => ({ clients: [client], channels: null, sources: null });

/** 205 queues of client 0 and client 1 in turn; the first of c7 has failed. */
async function many(): Promise<{ line: Line; failed: number }> {
  const line = await new Line(redis).ready();
  await Promise.all(
    MANY.map((id, n) =>
      line.put('channel', id, null, { type: 'scripted' }, null, { client: `client ${n % 2}` }),
    ),
  );
  line.script = () => fail;
  await line.startFleet();
  const [first] = await line.add('c7', 'a', 'b');
  await line.untilState(first!.queueId, 'failed');
  return { line, failed: first!.queueId };
}

const named = (queues: readonly { name: string }[]) => queues.map(({ name }) => name);
const inBoard = (id: string) => `client ${Number(id.slice(1)) % 2} › ${nameOf(id)}`;
const activeQueue = (id: string) => `&activeQueue=${encodeURIComponent(inBoard(id))}&status=latest`;

test('of many queues those are listed that need a look, and the one that somebody looks at', async () => {
  const { line } = await many();
  const board = await TestBoard.open(line);
  await line.transitions.pause('channel.c9', 'Thandi', 'stock-taking');
  expect(named(await board.queues())).toEqual([inBoard('c7'), inBoard('c9')]);
  const [, looked] = await board.queues(activeQueue('c8'));
  expect(looked).toMatchObject({ name: inBoard('c8'), counts: { waiting: 0 }, isPaused: false });
  expect(
    (await board.call('GET', `/api/queues/${encodeURIComponent(inBoard('c10'))}/metrics`)).status,
  ).toBe(200);
});

test('whatever is done anywhere shows in the next poll', async () => {
  const { line, failed } = await many();
  const board = await TestBoard.open(line);
  expect(named(await board.queues())).toEqual([inBoard('c7')]);
  // Not through the board: the console, the API and the CLI of other processes do this.
  await line.transitions.pause('channel.c9', 'Thandi');
  expect(named(await board.queues())).toEqual([inBoard('c7'), inBoard('c9')]);
  await line.transitions.resume('channel.c9', 'Thandi');
  expect(named(await board.queues())).toEqual([inBoard('c7')]);
  await line.stopFleets();
  await line.transitions.skip(await line.item(failed), { actor: 'Thandi', reason: 'gone' });
  expect(named(await board.queues())).toEqual([]);
  // Through the board.
  await board.call('PUT', `/api/queues/${encodeURIComponent(inBoard('c9'))}/pause`);
  expect(await board.queues()).toMatchObject([{ name: inBoard('c9'), isPaused: true }]);
});

test('channels that another process puts, renames and removes come, change and go with the next poll', async () => {
  const { line } = await many();
  const board = await TestBoard.open(line);
  const other = new Registry(line.redis, line.scripts, line.keys);
  const asked = async (name: string) =>
    named(await board.queues(`&activeQueue=${encodeURIComponent(name)}&status=latest`)).includes(
      name,
    );
  const fresh = `client 0 › ${nameOf('fresh')}`;
  expect(await asked(fresh)).toBe(false);
  const c8 = await other.get('channel', 'c8');
  await other.put({ ...c8!, id: 'fresh', description: 'channel fresh' }, {});
  expect(await asked(fresh)).toBe(true);
  await other.put({ ...c8!, id: 'fresh', description: 'Cape Shopify' }, {});
  expect(await asked(fresh)).toBe(false);
  expect(await asked('client 0 › Channels › Cape Shopify (fresh)')).toBe(true);
  await other.delete('channel', 'fresh');
  expect(await asked('client 0 › Channels › Cape Shopify (fresh)')).toBe(false);
});

test('people of different clients who poll at once see their own queues only', async () => {
  const { line } = await many();
  await line.transitions.pause('channel.c8', 'Thandi');
  const board = await TestBoard.open(line, {}, [
    { actor: 'Zero', limits: only('client 0') },
    { actor: 'One', limits: only('client 1') },
  ]);
  const [all, zero, one, curious] = await Promise.all([
    board.queues(activeQueue('c7')),
    board.as('Zero').queues(),
    board.as('One').queues(),
    // What another looks at is in the same look at Redis.
    board.as('Zero').queues(activeQueue('c7')),
  ]);
  expect(named(all)).toEqual([inBoard('c7'), inBoard('c8')]);
  expect(named(zero)).toEqual([inBoard('c8')]);
  expect(named(one)).toEqual([inBoard('c7')]);
  expect(named(curious)).toEqual([inBoard('c8')]);
  const { status } = await board
    .as('Zero')
    .call('GET', `/api/queues/${encodeURIComponent(inBoard('c7'))}/metrics`);
  expect(status).toBe(404);
});

test('Pause all pauses what is not listed too', async () => {
  const { line } = await many();
  const board = await TestBoard.open(line, {}, [{ actor: 'One', limits: only('client 1') }]);
  await board.as('One').call('PUT', '/api/queues/pause');
  expect((await board.queues()).filter(({ isPaused }) => isPaused).length).toBe(102);
  expect((await line.status('channel.c8')).paused).toBe(false);
});
