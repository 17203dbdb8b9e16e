import { describe, expect, it } from '@jest/globals';
import { accept, done, fail, Line, product, tryAgain } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

/** A line whose channel 12 is blocked by `bad`, with `c` and `d` behind it. */
async function blockedLine() {
  const line = await new Line(redis).ready('12');
  line.script = ({ data }) => (data['title'] === 'bad' ? fail : done);
  await line.startFleet();
  const [, bad] = await line.add('12', 'a', 'bad', 'c', 'd');
  await line.untilState(bad!.queueId, 'failed');
  return { line, bad: bad! };
}

describe('P5: retry runs before everything behind; skip and resolve leave a record', () => {
  it('retries at the head, again and again', async () => {
    const { line, bad } = await blockedLine();
    await line.transitions.retry(bad, 'Thandi');
    await line.untilStarted(3);
    await line.untilState(bad.queueId, 'failed');
    line.script = () => done;
    await line.transitions.retry(bad, 'Thandi');
    await line.untilStarted(6);
    expect(line.started).toEqual(['a', 'bad', 'bad', 'bad', 'c', 'd']);
    const item = await line.untilState(bad.queueId, 'completed');
    expect(item.error).toBeNull();
    expect(item.history.map(({ actor, action }) => [actor, action])).toEqual([
      ['the fleet', 'block'],
      ['Thandi', 'retry'],
      ['the fleet', 'block'],
      ['Thandi', 'retry'],
    ]);
  });

  it('goes on behind a skipped item, and keeps who, when and why', async () => {
    const { line, bad } = await blockedLine();
    await line.transitions.skip(bad, { actor: 'Thandi', reason: 'not sold any more' });
    await line.untilStarted(4);
    expect(line.started).toEqual(['a', 'bad', 'c', 'd']);
    const item = await line.item(bad.queueId);
    expect(item).toMatchObject({
      state: 'skipped',
      outcome: { by: 'Thandi', reason: 'not sold any more' },
      error: { message: 'the shop said no' },
    });
    expect(Date.parse(String(item.outcome?.['at']))).toBeGreaterThan(Date.now() - 60_000);
    expect(
      (await line.finder.search({ state: 'skipped' }, 10)).items.map((one) => one.queueId),
    ).toEqual([bad.queueId]);
    expect((await line.status('channel.12')).counts).toMatchObject({ skipped: 1, failed: 0 });
  });

  it('goes on behind a resolved item, and keeps its reference', async () => {
    const { line, bad } = await blockedLine();
    await line.transitions.resolve(bad, {
      actor: 'Thandi',
      reference: 'INV-77',
      reason: 'typed in by hand',
    });
    await line.untilStarted(4);
    expect(await line.item(bad.queueId)).toMatchObject({
      state: 'resolved',
      outcome: { by: 'Thandi', reference: 'INV-77', reason: 'typed in by hand' },
    });
  });

  it.each(['retry', 'skip', 'resolve'] as const)(
    'refuses to %s what is not failed, and names its state',
    async (verb) => {
      const { line, bad } = await blockedLine();
      const waiting = { queue: 'channel.12', queueId: bad.queueId + 1 };
      const finished = { queue: 'channel.12', queueId: bad.queueId - 1 };
      const act = (item: typeof waiting) =>
        verb === 'retry'
          ? line.transitions.retry(item, 'x')
          : line.transitions[verb](item, { actor: 'x' });
      await expect(act(waiting)).rejects.toMatchObject({
        status: 409,
        facts: { state: 'waiting' },
      });
      await expect(act(finished)).rejects.toMatchObject({
        status: 409,
        facts: { state: 'completed' },
      });
      await expect(act({ queue: 'channel.12', queueId: 999 })).rejects.toMatchObject({
        status: 404,
      });
      expect(line.started).toEqual(['a', 'bad']);
    },
  );

  it('lets one of many racing clicks win', async () => {
    const { line, bad } = await blockedLine();
    await line.transitions.pause('channel.12', 'test');
    const clicks = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => line.transitions.retry(bad, `click ${n}`)),
    );
    expect(clicks.filter((click) => click.status === 'fulfilled')).toHaveLength(1);
    expect((await line.status('channel.12')).counts).toMatchObject({ waiting: 3, failed: 0 });
  });

  it('leaves an item alone that has failed anew since the person looked', async () => {
    const { line, bad } = await blockedLine();
    const seen = Date.parse(String((await line.item(bad.queueId)).error?.at));
    await line.transitions.retry(bad, 'Thandi', seen);
    await until('it to fail anew', async () => {
      const { state, error } = await line.item(bad.queueId);
      return state === 'failed' && Date.parse(String(error?.at)) > seen;
    });
    for (const late of [
      line.transitions.retry(bad, 'Sipho', seen),
      line.transitions.skip(bad, { actor: 'Sipho', reason: 'gone', failedAt: seen }),
    ])
      await expect(late).rejects.toThrow('has failed anew since');
    const { state, error } = await line.item(bad.queueId);
    expect(state).toBe('failed');
    await line.transitions.skip(bad, {
      actor: 'Sipho',
      reason: 'gone',
      failedAt: Date.parse(String(error?.at)),
    });
    expect((await line.item(bad.queueId)).state).toBe('skipped');
  });

  it('edits the data of a failed item, keeps the old, and sends the new', async () => {
    const { line, bad } = await blockedLine();
    const data = { sku: 'NEW', title: 'good' };
    await line.transitions.edit(bad, {
      actor: 'Thandi',
      data,
      title: 'good',
      entity: { kind: 'sku', key: 'NEW' },
    });
    await line.transitions.retry(bad, 'Thandi');
    await line.untilStarted(5);
    expect(line.started).toEqual(['a', 'bad', 'good', 'c', 'd']);
    const item = await line.item(bad.queueId);
    expect(item.history[1]).toMatchObject({
      actor: 'Thandi',
      action: 'edit',
      before: { sku: 'bad', title: 'bad' },
    });
    const entity = { kind: 'sku', key: 'NEW' };
    expect((await line.finder.search({ entity }, 10)).items).toHaveLength(1);
    expect(
      (await line.finder.search({ entity: { kind: 'sku', key: 'bad' } }, 10)).items,
    ).toHaveLength(0);
  });

  it('writes an audit line and an event for each transition', async () => {
    const { line, bad } = await blockedLine();
    await line.transitions.pause('channel.12', 'Thandi', 'lunch');
    await line.transitions.resume('channel.12', 'Thandi');
    await line.transitions.retry(bad, 'Thandi');
    await line.untilStarted(3);
    await line.untilState(bad.queueId, 'failed');
    await line.transitions.resolve(bad, { actor: 'Thandi' });
    const [shard] = line.keys.shards;
    const actions = async (part: 'events' | 'audit', field: string) => {
      const rows = await line.redis.xrange(line.keys.ours(shard!, part), '-', '+');
      return rows.map(([, fields]) => fields[fields.indexOf(field) + 1] ?? '');
    };
    const audited = (await actions('audit', 'entry')).map((text) => JSON.parse(text).action);
    expect(audited).toEqual(['block', 'pause', 'resume', 'retry', 'block', 'resolve']);
    const events = (await actions('events', 'type')).filter((type) => type !== 'complete');
    expect(events).toEqual(audited);
  });
});

describe('skip with a scope', () => {
  /** The add of a SKU failed; its updates wait among other things. */
  async function failedAdd(...behind: Parameters<Line['enqueuer']['enqueue']>[0][number][]) {
    const line = await new Line(redis).ready('12', '13');
    line.script = ({ data }) => (data['title'] === 'bad' ? fail : done);
    const [bad, ...rest] = await line.enqueuer.enqueue([
      product('12', 'bad', { sku: 'TSH' }),
      ...behind,
    ]);
    await line.startFleet();
    await line.untilState(bad!.queueId, 'failed');
    return { line, bad: bad!, rest };
  }
  const update = (title: string, sku = 'TSH', channel = '12') =>
    accept('update_product', { channel }, { sku, title });

  it('skips every queued item of the same entity in that queue, and nothing else', async () => {
    const { line, bad, rest } = await failedAdd(
      update('u1'),
      update('other', 'CAP'),
      update('u2'),
      update('elsewhere', 'TSH', '13'),
    );
    const skipped = await line.transitions.skip(bad, {
      actor: 'x',
      reason: 'gone',
      scope: 'entity',
    });
    expect(skipped).toEqual([bad.queueId, rest[0]!.queueId, rest[2]!.queueId]);
    await line.untilState(rest[1]!.queueId, 'completed');
    expect(line.started.filter((title) => title !== 'elsewhere')).toEqual(['bad', 'other']);
    expect((await line.item(rest[2]!.queueId)).outcome).toMatchObject({ by: 'x' });
  });

  it.each([
    ['dozens', 30],
    ['hundreds', 200],
  ])(
    'takes %s of them out, up to the next add, and leaves the order of the others',
    async (_, many) => {
      const pairs = Array.from({ length: many }, (_, n) => [
        update(`u${n}`),
        update(`other${n}`, 'CAP'),
      ]).flat();
      const last = [product('12', 'again', { sku: 'TSH' }), update('u-last')];
      const { line, bad, rest } = await failedAdd(...pairs, ...last);
      const own = rest.slice(0, -2).filter((_, n) => n % 2 === 0);
      expect(
        await line.transitions.skip(bad, { actor: 'x', reason: 'gone', scope: 'entity-until-add' }),
      ).toEqual([bad, ...own].map(({ queueId }) => queueId));
      await line.untilState(rest.at(-1)!.queueId, 'completed');
      const others = Array.from({ length: many }, (_, n) => `other${n}`);
      expect(line.started).toEqual(['bad', ...others, 'again', 'u-last']);
    },
  );

  it('takes a head that waits for its next try along with hundreds behind it, once', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 9, firstDelayMs: 600_000, maxDelayMs: 600_000 });
    line.script = ({ data }) => (data['title'] === 'head' ? tryAgain : done);
    const [head, ...rest] = await line.enqueuer.enqueue([
      update('head'),
      ...Array.from({ length: 200 }, (_, n) => update(`u${n}`)),
      update('other', 'CAP'),
    ]);
    await line.startFleet();
    await line.untilState(head!.queueId, 'backing-off');
    await line.transitions.skip(head!, { actor: 'x', reason: 'gone', scope: 'entity' });
    await line.untilState(rest.at(-1)!.queueId, 'completed');
    expect(line.started).toEqual(['head', 'other']);
    expect((await line.status('channel.12')).counts).toMatchObject({ waiting: 0, skipped: 201 });
  });

  it('keeps skipping updates until the next add arrives', async () => {
    const { line, bad } = await failedAdd(update('u1'));
    await line.transitions.skip(bad, {
      actor: 'x',
      scope: 'entity-until-add',
      reason: 'waits for the new add',
    });
    const [u2] = await line.enqueuer.enqueue([update('u2')]);
    expect(u2).toMatchObject({ state: 'skipped' });
    const [, u3] = await line.enqueuer.enqueue([
      product('12', 'again', { sku: 'TSH' }),
      update('u3'),
    ]);
    await line.untilState(u3!.queueId, 'completed');
    expect(line.started).toEqual(['bad', 'again', 'u3']);
    expect(await line.item(u2!.queueId)).toMatchObject({
      state: 'skipped',
      outcome: { by: 'x', reason: 'waits for the new add' },
    });
  });

  it('stops at an add that is queued already', async () => {
    const { line, bad, rest } = await failedAdd(
      update('u1'),
      product('12', 'again', { sku: 'TSH' }),
      update('u2'),
    );
    expect(
      await line.transitions.skip(bad, { actor: 'x', reason: 'gone', scope: 'entity-until-add' }),
    ).toEqual([bad.queueId, rest[0]!.queueId]);
    await line.untilState(rest[2]!.queueId, 'completed');
    expect(line.started).toEqual(['bad', 'again', 'u2']);
  });

  it('ends the rule at its date', async () => {
    const { line, bad } = await failedAdd();
    await line.transitions.skip(bad, {
      actor: 'x',
      reason: 'gone',
      scope: 'entity-until-add',
      until: new Date(Date.now() - 1),
    });
    const [u1] = await line.enqueuer.enqueue([update('u1')]);
    await line.untilState(u1!.queueId, 'completed');
    expect(line.started).toEqual(['bad', 'u1']);
  });
});

describe('clearing a queue', () => {
  it('skips what waits, leaves the failed item, and runs what comes later', async () => {
    const { line, bad } = await blockedLine();
    expect(await line.transitions.clear('channel.12', 'Thandi', 'new export comes', 2)).toBe(2);
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      counts: { waiting: 0, skipped: 2, failed: 1 },
    });
    await line.transitions.skip(bad, { actor: 'Thandi', reason: 'gone' });
    await line.add('12', 'new');
    await line.untilStarted(3);
    expect(line.started).toEqual(['a', 'bad', 'new']);
  });

  it('takes nothing that comes while it clears, though some of what waited runs meanwhile', async () => {
    const line = await new Line(redis).ready('12');
    const titles = Array.from({ length: 1_002 }, (_, n) => String(n));
    const tickets = await line.add('12', ...titles);
    const shard = line.keys.shardOf('channel.12');
    const run = line.scripts.run.bind(line.scripts);
    let late: number | undefined;
    line.scripts.run = async (name, ...rest) => {
      const reply = await run(name, ...rest);
      if (name === 'clear' && late === undefined) {
        await line.deliveries.claim(shard, 'blocking', 1, 'a worker');
        late = (await line.add('12', 'late'))[0]!.queueId;
      }
      return reply;
    };
    expect(await line.transitions.clear('channel.12', 'x', 'all of it', 1_002)).toBe(1_001);
    expect((await line.item(tickets[1_000]!.queueId)).state).toBe('active');
    expect((await line.item(tickets[1_001]!.queueId)).state).toBe('skipped');
    expect((await line.item(late!)).state).toBe('waiting');
  });
});
