import { describe, expect, it } from '@jest/globals';
import { previewSkip } from '../../src/blocking/skip-preview.js';
import { Conflict } from '../../src/errors.js';
import { loadCatalogue } from '../../src/instructions/catalogue.js';
import type { Item } from '../../src/queues/item.js';
import { accept, blockedByA, done, fail, Line, product } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();

/** Channel 12 is blocked by the add of shirt; behind it wait updates of it, another product, and so on. */
async function shirtFails(): Promise<{ line: Line; ids: number[] }> {
  const line = await new Line(redis).ready('12');
  line.script = () => fail;
  await line.startFleet();
  const shirt = (title: string, instruction: string) =>
    product('12', title, { sku: 'shirt', instruction });
  const tickets = await line.enqueuer.enqueue([
    shirt('add', 'add_product'),
    shirt('update 1', 'update_product'),
    product('12', 'shoe'),
    shirt('update 2', 'update_product'),
    shirt('add anew', 'add_product'),
    shirt('update 3', 'update_product'),
  ]);
  const ids = tickets.map(({ queueId }) => queueId);
  await line.untilState(ids[0]!, 'failed');
  return { line, ids };
}

/** In the order in which they would run. */
async function waiting(line: Line): Promise<string[]> {
  const ids = await line.redis.lrange(line.keys.queue('channel.12', 'wait'), 0, -1);
  const items = await Promise.all(ids.reverse().map((id) => line.item(Number(id))));
  return items.map((item) => String(item.data['title']));
}

const skipAll = async (line: Line, id: number) => {
  await line.transitions.pause('channel.12', 'test');
  return line.transitions.skip(await line.item(id), {
    actor: 'Thandi',
    reason: 'gone',
    scope: 'entity',
  });
};

describe('a skip can be taken back', () => {
  it('the item runs before everything that came after it', async () => {
    const { line, a } = await blockedByA(redis);
    await line.transitions.pause('channel.12', 'test');
    await line.transitions.skip(await line.item(a!.queueId), { actor: 'Thandi', reason: 'gone' });
    await line.transitions.undoSkip([a!], 'Sipho', 'wrong button');
    expect(await waiting(line)).toEqual(['a', 'b']);
    expect(await line.item(a!.queueId)).toMatchObject({ state: 'waiting', outcome: null });
    expect((await line.item(a!.queueId)).history.at(-1)).toMatchObject({
      action: 'undo-skip',
      actor: 'Sipho',
      reason: 'wrong button',
    });
    expect((await line.status('channel.12')).counts).toMatchObject({ skipped: 0, waiting: 2 });
    line.script = () => done;
    await line.transitions.resume('channel.12', 'test');
    await line.untilState(a!.queueId + 1, 'completed');
    expect(line.started).toEqual(['a', 'a', 'b']);
  });

  it('everything that one skip took comes back to its old place, in one step', async () => {
    const { line, ids } = await shirtFails();
    const skipped = await skipAll(line, ids[0]!);
    expect(skipped).toHaveLength(5);
    expect(await waiting(line)).toEqual(['shoe']);
    await line.transitions.undoSkip(await Promise.all(skipped.map((id) => line.item(id))), 'x');
    expect(await waiting(line)).toEqual([
      'add',
      'update 1',
      'shoe',
      'update 2',
      'add anew',
      'update 3',
    ]);
  });

  it('lifts no block and no pause', async () => {
    const { line, a } = await blockedByA(redis);
    await line.transitions.skip(await line.item(a!.queueId), { actor: 'x', reason: 'gone' });
    await line.untilState(a!.queueId + 1, 'failed');
    await expect(line.transitions.undoSkip([a!], 'x')).resolves.toBeUndefined();
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      counts: { waiting: 1 },
    });
    expect(line.started).toEqual(['a', 'b']);
  });

  it('not when something newer of its entity has run: it would put the old over the new', async () => {
    const { line, ids } = await shirtFails();
    line.script = ({ data }) => (data['title'] === 'shoe' ? fail : done);
    await line.transitions.skip(await line.item(ids[0]!), { actor: 'x', reason: 'gone' });
    await line.untilState(ids[2]!, 'failed');
    const refused = line.transitions.undoSkip([await line.item(ids[0]!)], 'x');
    await expect(refused).rejects.toThrow(
      `item ${ids[1]} has run since item ${ids[0]} was skipped`,
    );
    await expect(refused).rejects.toBeInstanceOf(Conflict);
    expect(await line.item(ids[0]!)).toMatchObject({ state: 'skipped' });
  });

  it('all or none: one that was overtaken keeps the others skipped', async () => {
    const { line, ids } = await shirtFails();
    await skipAll(line, ids[0]!);
    const items = await Promise.all([ids[0]!, ids[2]!].map((id) => line.item(id)));
    await expect(line.transitions.undoSkip(items, 'x')).rejects.toThrow('is waiting');
    expect(await waiting(line)).toEqual(['shoe']);
  });

  it('an item about no entity comes back only while nothing at all has run since', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ instruction }) => (instruction === 'clear_channel' ? fail : done);
    await line.startFleet();
    const [clear, shirt] = await line.enqueuer.enqueue([
      accept('clear_channel', { channel: '12' }, { title: 'clear' }),
      product('12', 'shirt'),
    ]);
    await line.untilState(clear!.queueId, 'failed');
    await line.transitions.skip(clear!, { actor: 'x', reason: 'gone' });
    await line.untilState(shirt!.queueId, 'completed');
    await expect(line.transitions.undoSkip([clear!], 'x')).rejects.toThrow('has run since');
  });

  it('ends the rule that the skip had made', async () => {
    const { line, a } = await blockedByA(redis);
    await line.transitions.pause('channel.12', 'x');
    await line.transitions.skip(await line.item(a!.queueId), {
      actor: 'x',
      reason: 'gone',
      scope: 'entity-until-add',
    });
    await line.transitions.undoSkip([a!], 'x');
    const [update] = await line.enqueuer.enqueue([
      product('12', 'later', { sku: 'a', instruction: 'update_product' }),
    ]);
    expect(update?.state).toBe('waiting');
  });

  it('twice is told so', async () => {
    const { line, a } = await blockedByA(redis);
    await line.transitions.pause('channel.12', 'x');
    await line.transitions.skip(await line.item(a!.queueId), { actor: 'x', reason: 'gone' });
    await line.transitions.undoSkip([a!], 'x');
    await expect(line.transitions.undoSkip([a!], 'x')).rejects.toThrow('is waiting');
  });
});

describe('before a skip one sees what it does', () => {
  const titles = (items: readonly Item[]) => items.map((item) => item.data['title']);
  const preview = async (line: Line, id: number, scope: 'item' | 'entity' | 'entity-until-add') => {
    const { redis, keys, finder } = line;
    const sight = { redis, keys, finder, catalogue: loadCatalogue() };
    return previewSkip(sight, await line.item(id), scope, () => true);
  };

  it('this item only: what is queued up to the next add needs it', async () => {
    const { line, ids } = await shirtFails();
    const { skips, needs, next, ...rest } = await preview(line, ids[0]!, 'item');
    expect(titles(skips)).toEqual(['add']);
    expect(titles(needs)).toEqual(['update 1', 'update 2']);
    expect(next?.data['title']).toBe('update 1');
    expect(rest).toEqual({ nextHidden: false, stopped: null, rule: false, needsReason: true });
  });

  it.each([
    ['entity', ['add', 'update 1', 'update 2', 'add anew', 'update 3'], 'shoe'],
    ['entity-until-add', ['add', 'update 1', 'update 2'], 'shoe'],
  ] as const)('%s: exactly what the skip then does', async (scope, wanted, next) => {
    const { line, ids } = await shirtFails();
    await line.transitions.pause('channel.12', 'x');
    const told = await preview(line, ids[0]!, scope);
    expect(titles(told.skips)).toEqual(wanted);
    expect(told.next?.data['title']).toBe(next);
    expect(told).toMatchObject({ needs: [], stopped: 'paused', rule: false });
    const done = await line.transitions.skip(await line.item(ids[0]!), {
      actor: 'x',
      reason: 'gone',
      scope,
    });
    expect(done).toEqual(told.skips.map(({ queueId }) => queueId));
  });

  it('changes nothing', async () => {
    const { line, ids } = await shirtFails();
    await preview(line, ids[0]!, 'entity');
    expect(await line.status('channel.12')).toMatchObject({
      blocked: true,
      counts: { waiting: 5, skipped: 0 },
    });
  });
});
